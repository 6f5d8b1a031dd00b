//! The same bids in other hands: `tests/foreign/open_bid.py` opens with Google's Tink and pyca/cryptography what was
//! sealed here. `bin/test` makes the Python environment and names it in `SUNBID_PYTHON`.

use super::{Sealed, panel, sealed};
use crate::platform::canonical::jcs;
use crate::sealing::boxes::BoxKey;
use crate::sealing::context::Mode;
use crate::sealing::document::{Blob, Bytes};
use crate::sealing::trustees::{TrusteeKeyFile, TrusteeKeyTyp};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the Python opener.
pub fn opener(arguments: &[&str]) -> Output {
    python("open_bid.py", arguments)
}

/// Runs a script of `tests/foreign`.
fn python(script: &str, arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = root.join(".venv/bin/python");
    let usual = if made.exists() { made.display().to_string() } else { "python3".to_owned() };
    let python = std::env::var("SUNBID_PYTHON").unwrap_or(usual);
    let script = root.join("tests/foreign").join(script);
    let run = Command::new(&python).arg("-B").arg(script).args(arguments).output();
    let run = run.unwrap_or_else(|why| panic!("{python} does not run ({why}); bin/test sets it up"));
    let told = String::from_utf8_lossy(&run.stderr);
    assert!(
        !told.contains("ModuleNotFoundError"),
        "the Python packages of tests/foreign/requirements.txt are missing; bin/test installs them: {told}"
    );
    run
}

/// The key file of trustee `i` as the opener reads it.
pub fn key_file(i: u8, key: &BoxKey) -> Vec<u8> {
    let (hpke_private, sign_private) = (Bytes(key.to_bytes().0), Blob(Vec::new()));
    jcs(&TrusteeKeyFile { hpke_private, i, sign_private, tender: String::new(), typ: TrusteeKeyTyp })
}

/// `tests/foreign/opening_bundle.py` was written from the format page; what it says of each of an operator's lies is what
/// the command line and browsers say (`opening::tests::{lies, drill_log}`, `browser/test/{opening,drill}_bundle.test.ts`).
#[test]
fn python_judges_the_pinned_opening_papers_as_trustees_programs_do() {
    for (file, more, cases) in
        [("opening-bundles.json", &[][..], 18), ("drill-bundles.json", &["--drill"], 17)]
    {
        let pinned =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign").join(file).display().to_string();
        let run = python("opening_bundle.py", &[&[pinned.as_str()], more].concat());
        let told = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{told}{}", String::from_utf8_lossy(&run.stderr));
        assert!(told.lines().count() >= cases, "{told}");
    }
}

#[test]
fn python_makes_and_opens_the_pinned_vectors() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/sealed-bid-vectors.json");
    let run = opener(&["--vectors", &vectors.display().to_string()]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(String::from_utf8_lossy(&run.stdout).matches("ok ").count(), 2);
}

/// Writes a bid and its trustees' files, has Python open it with two of the keys.
fn opened_by_python(sealed: &Sealed, panel: &super::Panel, spoil: impl Fn(&Path)) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let mut arguments = vec![
        ("--manifest", put("manifest.json", &jcs(&sealed.bid.manifest))),
        ("--signature", put("signature.json", &jcs(&sealed.bid.signature))),
        ("--ciphertext", put("bid.sealed", &sealed.ciphertext)),
        ("--trustees", put("set.json", &jcs(&panel.set))),
        ("--key", put("k1.json", &key_file(1, &panel.keys[0].boxes))),
        ("--key", put("k3.json", &key_file(3, &panel.keys[2].boxes))),
        ("--out", folder.path().join("opened").display().to_string()),
    ];
    if let Some(bidder_key) = &sealed.bid.bidder_key {
        arguments.push(("--bidder-key", put("bidder.json", &jcs(bidder_key))));
    }
    spoil(folder.path());
    let arguments: Vec<&str> = arguments.iter().flat_map(|(name, value)| [*name, value.as_str()]).collect();
    let run = opener(&arguments);
    let told = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    if run.status.success() {
        let first = fs::read(folder.path().join("opened/f-0001")).unwrap();
        assert_eq!(first, b"price 1234567.89");
    }
    (run.status.success(), told)
}

#[test]
fn python_opens_what_was_sealed_here_in_both_modes() {
    let panel = panel(2, 3);
    for mode in [Mode::Trustees, Mode::Dual] {
        let sealed = sealed(&panel, mode);
        let (opened, told) = opened_by_python(&sealed, &panel, |_| {});
        assert!(opened, "{told}");
        assert!(told.contains("1234567.89") && told.contains("投标函.txt"), "{told}");
    }
}

#[test]
fn python_refuses_a_changed_ciphertext_and_a_changed_manifest() {
    let panel = panel(2, 3);
    let sealed = sealed(&panel, Mode::Trustees);
    let flip = |name: &'static str, at: usize| {
        move |folder: &Path| {
            let path = folder.join(name);
            let mut bytes = fs::read(&path).unwrap();
            bytes[at] ^= 1;
            fs::write(path, bytes).unwrap();
        }
    };
    let (opened, told) = opened_by_python(&sealed, &panel, flip("bid.sealed", 5000));
    assert!(!opened && told.contains("root"), "{told}");
    let created = String::from_utf8(jcs(&sealed.bid.manifest)).unwrap().find("2027").unwrap() + 3;
    let (opened, told) = opened_by_python(&sealed, &panel, flip("manifest.json", created));
    assert!(!opened && told.contains("signature"), "{told}");
}
