use std::collections::BTreeMap;
use std::io::Read;
use std::process::Command;

use proptest::prelude::*;

use crate::ledger::tree::{leaf_hash, node_hash};
use crate::platform::digest::sha256;
use crate::platform::moment::Moment;
use crate::verify::bundle::{self, About, Alg, Bundle, Part, measure};
use crate::verify::container::*;
use crate::verify::findings::Findings;

fn archive(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (name, bytes) in members {
        writer.add(name, bytes.len() as u64, &mut &bytes[..]).unwrap();
    }
    writer.finish().unwrap()
}

fn about() -> About {
    About {
        origin: "log.example".into(),
        key: "key".into(),
        tender: "T-1".into(),
        lot: "1".into(),
        id: "lot-id".into(),
        made: Moment::parse("2026-11-22T13:00:00.000000Z").unwrap(),
    }
}

#[test]
fn members_read_back_and_any_tar_lists_them() {
    let members = [("a.json", b"one".to_vec()), ("b/0001.json", vec![7; 512]), ("c/empty", vec![])];
    let bytes = archive(&members);
    let listed = list(&bytes).unwrap();
    for (member, (name, content)) in listed.iter().zip(&members) {
        let mut read = Vec::new();
        open(&bytes, member).read_to_end(&mut read).unwrap();
        assert_eq!((member.name.as_str(), &read), (*name, content));
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.tar"), &bytes).unwrap();
    let told = Command::new("tar").arg("-tf").arg(folder.path().join("x.tar")).output().unwrap();
    assert_eq!(String::from_utf8(told.stdout).unwrap(), "a.json\nb/0001.json\nc/empty\n");
}

#[test]
fn names_that_could_lead_elsewhere_are_refused() {
    for name in [
        "",
        "/etc/passwd",
        "../up",
        "a/../b",
        "a//b",
        "A",
        "a b",
        "a\\b",
        ".hidden",
        "ä",
        "a/",
        &"x".repeat(100),
    ] {
        let refused = Writer::new(Vec::new()).add(name, 0, &mut &[][..]);
        assert!(matches!(refused, Err(ContainerError::Name(_))), "{name:?}");
    }
    let short = Writer::new(Vec::new()).add("a", 3, &mut &b"ab"[..]);
    let long = Writer::new(Vec::new()).add("a", 1, &mut &b"ab"[..]);
    assert!(short.is_err() && long.is_err());
}

proptest! {
    #[test]
    fn every_changed_byte_outside_contents_is_refused(at in any::<usize>(), to in any::<u8>()) {
        let content = vec![9; 700];
        let good = archive(&[("a", content.clone()), ("b", vec![])]);
        let mut bad = good.clone();
        let at = at % bad.len();
        bad[at] = to;
        prop_assume!(bad != good && !(512..512 + content.len()).contains(&at));
        // a changed name or size with a checksum that fits would need more than one byte
        prop_assert!(list(&bad).is_err());
    }

    #[test]
    fn archives_cut_or_longer_are_refused(cut in 0usize..3000, more in 1usize..2000) {
        let good = archive(&[("a", vec![9; 700]), ("b", vec![])]);
        let cut = cut.min(good.len() - 1);
        prop_assert!(list(&good[..cut].to_vec()).is_err());
        let longer = [&good[..], &vec![0; more]].concat();
        prop_assert!(list(&longer).is_err());
    }

    #[test]
    fn rubbish_is_no_archive(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(list(&bytes).is_err());
    }
}

#[test]
fn ciphertexts_are_measured_as_their_manifests_say() {
    let slices = |n: usize| -> Vec<u8> { (0..n * 100_000).map(|i| (i % 251) as u8).collect() };
    let data = slices(25);
    let chunks: Vec<_> = data.chunks(1 << 20).map(leaf_hash).collect();
    assert_eq!(chunks.len(), 3);
    let expected = node_hash(&node_hash(&chunks[0], &chunks[1]), &chunks[2]);
    assert_eq!(measure(&mut &data[..], Alg::Slices).unwrap(), (2_500_000, expected));
    assert_eq!(measure(&mut &data[..], Alg::Sha256).unwrap(), (2_500_000, sha256(&[&data])));
}

fn sample() -> BTreeMap<String, Part> {
    let large = || -> std::io::Result<Box<dyn Read>> { Ok(Box::new(std::io::repeat(5).take(3_000_000))) };
    BTreeMap::from([
        ("bids/001/ciphertext".to_owned(), Part::Large(Box::new(large))),
        ("bids/001/manifest.json".to_owned(), Part::Document(b"{}".to_vec())),
        ("log/checkpoint".to_owned(), Part::Document(b"note".to_vec())),
    ])
}

#[test]
fn a_bundle_reads_back_and_names_what_was_altered() {
    let bytes = bundle::write(Vec::new(), &about(), &sample()).unwrap();
    let mut findings = Findings::default();
    let read = Bundle::read(bytes.clone(), &mut findings).unwrap();
    assert!(findings.all_hold(), "{findings:?}");
    assert_eq!(read.document("log/checkpoint"), Some(&b"note"[..]));
    assert_eq!(read.below("bids/").count(), 1);
    assert_eq!(read.large("bids/001/ciphertext").unwrap().0, 3_000_000);
    let mut content = Vec::new();
    read.open("bids/001/ciphertext").unwrap().read_to_end(&mut content).unwrap();
    assert_eq!(content, vec![5; 3_000_000]);

    let members = list(&bytes).unwrap();
    for member in members.iter().skip(1) {
        let mut bad = bytes.clone();
        bad[(member.offset + member.size / 2) as usize] ^= 1;
        let mut findings = Findings::default();
        Bundle::read(bad, &mut findings).unwrap();
        let named: Vec<_> = findings.broken_lines().map(|line| line.words.clone()).collect();
        assert_eq!(named, [format!("{} is not the file that is listed", member.name)]);
    }
}

#[test]
fn files_that_are_missing_or_not_listed_are_named() {
    let whole = bundle::write(Vec::new(), &about(), &sample()).unwrap();
    let members = list(&whole).unwrap();
    let content =
        |member: &Member| whole[member.offset as usize..(member.offset + member.size) as usize].to_vec();
    let rebuilt = |keep: &dyn Fn(&str) -> bool, extra: Option<&str>| {
        let mut writer = Writer::new(Vec::new());
        for member in members.iter().filter(|member| keep(&member.name)) {
            writer.add(&member.name, member.size, &mut &content(member)[..]).unwrap();
        }
        if let Some(name) = extra {
            writer.add(name, 1, &mut &b"x"[..]).unwrap();
        }
        let mut findings = Findings::default();
        Bundle::read(writer.finish().unwrap(), &mut findings);
        findings.broken_lines().map(|line| line.words.clone()).collect::<Vec<_>>()
    };
    assert_eq!(rebuilt(&|_| true, None), Vec::<String>::new());
    assert_eq!(rebuilt(&|name| name != "log/checkpoint", None), ["log/checkpoint is listed and missing"]);
    assert_eq!(rebuilt(&|_| true, Some("zz")), ["zz is not listed"]);
    assert!(rebuilt(&|_| true, Some("a"))[1].contains("ascending"));
    assert!(rebuilt(&|name| name != "bundle.json", None)[0].contains("first file"));
}
