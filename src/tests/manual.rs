//! The user manual: every step has its picture, every picture is there, and the walks in real browsers make it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// All pictures together stay below this, in bytes, so that the repository stays light.
const PICTURES_MAX: u64 = 6 * 1024 * 1024;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<(String, String)> {
    let listed = fs::read_dir(root().join("docs/manual")).unwrap().map(|entry| entry.unwrap().path());
    let pages = listed.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    pages.map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect()
}

fn pictures_of(text: &str) -> BTreeSet<String> {
    let after = text.split("(screens/").skip(1);
    after.map(|rest| rest.split(".webp)").next().unwrap().to_owned()).collect()
}

fn named() -> BTreeSet<String> {
    pages().iter().flat_map(|(_, text)| pictures_of(text)).collect()
}

/// The pictures that a walk's script makes: `picture("name", …)`, on a phone too, and in English where it says so.
fn made() -> BTreeSet<String> {
    let mut made = BTreeSet::new();
    for script in ["opening.mjs", "dual.mjs", "evaluation.mjs"] {
        let text = fs::read_to_string(root().join("browser/walk").join(script)).unwrap();
        for call in text.split(".picture(\"").skip(1) {
            let (name, rest) = call.split_once('"').unwrap();
            let options = rest.split(')').next().unwrap();
            made.insert(name.to_owned());
            if !options.contains("phone: false") {
                made.insert(format!("{name}-phone"));
            }
            if options.contains("english: true") {
                made.insert(format!("{name}-en"));
            }
        }
        // the one picture whose name depends on the paper
        let papers = text.split("signPaper(agent, \"").skip(1).map(|rest| rest.split('"').next().unwrap());
        made.extend(papers.map(|paper| format!("agent-sign-{paper}")));
    }
    made
}

#[test]
fn every_step_of_the_manual_has_its_picture() {
    let mut without = Vec::new();
    for (path, text) in pages() {
        for step in text.split("\n### ").skip(1) {
            let own = step.split("\n## ").next().unwrap();
            if pictures_of(own).len() != 1 {
                without.push(format!("{path}: {}", step.lines().next().unwrap()));
            }
        }
    }
    assert!(without.is_empty(), "steps without exactly one picture:\n{}", without.join("\n"));
    assert!(named().len() > 40, "the manual has lost its pictures");
}

#[test]
fn every_picture_that_the_manual_names_is_made_by_a_walk() {
    let made = made();
    let strangers: Vec<String> = named().into_iter().filter(|name| !made.contains(name)).collect();
    assert!(strangers.is_empty(), "no walk makes {strangers:?}");
}

#[test]
fn the_pictures_of_the_manual_are_there_and_light_and_no_other() {
    let mut there = BTreeSet::new();
    let mut bytes = 0;
    for entry in fs::read_dir(root().join("docs/manual/screens")).unwrap() {
        let entry = entry.unwrap();
        bytes += entry.metadata().unwrap().len();
        there.insert(entry.file_name().into_string().unwrap().trim_end_matches(".webp").to_owned());
    }
    assert_eq!(there, named(), "run bin/manual");
    assert!(bytes < PICTURES_MAX, "the pictures take {bytes} bytes");
}
