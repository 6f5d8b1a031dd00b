#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    sunbid_fuzz::checks::papers(bytes);
});
