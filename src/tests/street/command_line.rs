//! A trustee who trusts no browser: key, signature and release come from `sunbid open`.

use super::day::Day;
use crate::cli::open;
use crate::ledger::note::{SignerKey, WitnessKey};
use crate::ledger::tests::timestamp::StampAuthority;
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::tests::browser::Browser;
use clap::Parser;
use std::path::Path;

on_both_databases! { a_trustee_with_the_command_line_alone_keeps_a_key_and_opens }

const PRICES: [&str; 3] = ["4800000.00", "4900000.00", "4700000.00"];

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: open::Args,
}

/// Runs `sunbid open` with files of `folder` (whatever has a dot in its name) and gives what it prints.
fn tried(folder: &Path, passphrase: &str, arguments: &[&str]) -> anyhow::Result<String> {
    answering(folder, (passphrase, ""), arguments)
}

/// As [`tried`], with these answers to the questions.
fn answering(
    folder: &Path,
    (passphrase, answers): (&str, &str),
    arguments: &[&str],
) -> anyhow::Result<String> {
    let whole = |word: &&str| {
        if word.contains('.') { folder.join(word).display().to_string() } else { (*word).to_owned() }
    };
    let secrets = ["--passphrase", passphrase, "--password", "of the account"].map(str::to_owned);
    let words = ["sunbid open".to_owned()].into_iter().chain(arguments.iter().map(whole)).chain(secrets);
    let mut printed = Vec::new();
    open::run_with(&Line::try_parse_from(words)?.args, &mut printed, &mut answers.as_bytes())?;
    Ok(String::from_utf8(printed)?)
}

fn opened(folder: &Path, arguments: &[&str]) -> String {
    tried(folder, "many hands", arguments).unwrap()
}

/// What stands after `name:`, as somebody copies it: with the end of the line.
fn copied(printed: &str, name: &str) -> String {
    let line = printed.lines().find_map(|line| line.strip_prefix(&format!("{name}:"))).unwrap();
    format!("{}\r\n", line.trim_start())
}

/// Opens the canary, which pins the log's key.
fn holds_a_drill(day: &Day, browser: &mut Browser, folder: &Path, keys: &[&str]) {
    let page = day.custody();
    day.begin_drill(browser);
    let drill = browser.get(&format!("{page}/drill/bundle.json")).expect_status(200).bytes;
    std::fs::write(folder.join("drill.json"), drill).unwrap();
    let key = day.served.visitor().get("/log/key").expect_status(200).bytes;
    std::fs::write(folder.join("log.key"), key).unwrap();
    let drill = ["drill", "--bundle", "drill.json", "--log-key", "log.key", "--out", "drilled.json"];
    let said = opened(folder, &[drill.as_slice(), keys].concat());
    assert!(said.contains("pinned") && folder.join("box.p8.pin.json").exists(), "{said}");
    assert!(
        said.contains("quorum     none") && said.contains("entries now"),
        "what is pinned is shown: {said}"
    );
    browser.get(&page).expect_status(200);
    let written = std::fs::read(folder.join("drilled.json")).unwrap();
    browser.post_file(&format!("{page}/drill/release-file"), "r.json", &written).expect_status(303);
}

/// Nothing is released without an answer, with another log key, without any, or from a drill's papers.
fn asks_before_it_releases(folder: &Path, arguments: &[&str]) {
    let refused = |answers: &str, more: &[&str]| {
        let all = [arguments, more].concat();
        let said = answering(folder, ("many hands", answers), &all).unwrap_err().to_string();
        assert!(!folder.join("release.json").exists(), "{said}");
        said
    };
    assert_eq!(refused("no\n", &[]), "nothing was released");
    let other = SignerKey::generate("log.test.example/main").unwrap().verifier().to_string();
    std::fs::write(folder.join("other.key"), other).unwrap();
    let said = refused("", &["--log-key", "other.key", "--yes"]);
    assert!(said.contains("not the log key or policy that you pinned"), "{said}");
    // another policy is pinned only after old and new were shown and somebody said yes
    let pin = folder.join("box.p8.pin.json");
    let before = std::fs::read_to_string(&pin).unwrap();
    let key = std::fs::read_to_string(folder.join("log.key")).unwrap();
    let witness = WitnessKey::generate("witness.example/w").unwrap();
    let witnessed = format!("log {}\nwitness notary {}\nquorum none\n", key.trim(), witness.verifier());
    std::fs::write(folder.join("new.policy"), witnessed).unwrap();
    let more = ["--policy", "new.policy"];
    assert!(refused("no\n", &more).contains("not the log key or policy that you pinned"));
    assert!(
        refused("", &[&more[..], &["--yes"]].concat()).contains("not the log key or policy that you pinned")
    );
    assert_eq!(std::fs::read_to_string(&pin).unwrap(), before);
    assert_eq!(refused("yes\nno\n", &more), "nothing was released");
    assert!(std::fs::read_to_string(&pin).unwrap().contains("witness notary"));
    std::fs::write(&pin, before).unwrap();
    // roots that certified nobody here
    let roots = StampAuthority::new();
    std::fs::copy(roots.file("ca.pem"), folder.join("roots.pem")).unwrap();
    let said = refused("", &["--yes", "--ca-roots", "roots.pem"]);
    assert!(said.contains("notice 1 is not signed with a certificate"), "{said}");
    // first use: scripts must name the key, people are shown what the platform says and are asked twice
    let kept = std::fs::read(&pin).unwrap();
    std::fs::remove_file(&pin).unwrap();
    let said = refused("", &["--yes"]);
    assert!(said.contains("no log key is pinned: give --policy FILE or --log-key KEY"), "{said}");
    assert!(refused("no\n", &[]).contains("no log key is pinned"));
    assert!(!pin.exists());
    assert_eq!(refused("yes\nno\n", &[]), "nothing was released");
    assert_eq!(std::fs::read(&pin).unwrap(), kept);
    // papers of a drill; and another log's key given at the first use is believed and finds the papers false
    let drill: Vec<&str> =
        arguments.iter().map(|word| if *word == "bundle.json" { "drill.json" } else { *word }).collect();
    let said = answering(folder, ("many hands", "yes\n"), &drill).unwrap_err().to_string();
    assert!(said.contains("for a drill") && said.contains("演练材料"), "{said}");
    std::fs::remove_file(&pin).unwrap();
    let said = refused("yes\n", &["--log-key", "other.key"]);
    assert!(
        said.contains("not signed with the log key that you pinned") && said.contains("日志密钥"),
        "{said}"
    );
    std::fs::write(&pin, kept).unwrap();
}

/// Releases without being asked, and shows what.
fn releases(folder: &Path, arguments: &[&str]) {
    let yes = [arguments, &["--yes"]].concat();
    let said = opened(folder, &yes);
    assert!(said.contains("the shares of 3 bids"), "{said}");
    let names = "notice 1   signed by ";
    for shown in [
        "bids       3",
        "closing ",
        "none asked for",
        "session  ",
        "after 1 notices",
        names,
        "nobody vouches",
    ] {
        assert!(said.contains(shown), "{shown}: {said}");
    }
}

fn a_trustee_with_the_command_line_alone_keeps_a_key_and_opens(engine: Engine) {
    let day = Day::announced(engine, "command", "3", 3);
    let [agent, entity, supervisor] = day.trustees();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("me.p12"), entity.key_file("of the account")).unwrap();
    let keys = ["--key", "box.p8", "--p12", "me.p12"];

    // the page says what to run; the program prints what the page asks for
    let page = day.custody();
    let mut browser = day.enter(entity);
    let seen = browser.get(&page).expect_status(200).text();
    assert!(seen.contains("sunbid open new-box-key --p12 me.p12 --out box.p8"), "{seen}");
    let made = opened(folder.path(), &["new-box-key", "--p12", "me.p12", "--out", "box.p8"]);
    let (hpke, certificate) = (copied(&made, "box key"), copied(&made, "certificate"));
    let form = [("hpke", hpke.as_str()), ("certificate", certificate.as_str())];
    browser.post(&format!("{page}/key"), &form).expect_status(303);
    let mut others = [(0, day.enter(agent)), (2, day.enter(supervisor))];
    for (place, other) in &mut others {
        day.give_box_key(other, *place);
    }

    assert!(browser.get(&page).text().contains("sunbid open sign-set --set set.json"));
    let set = browser.get(&format!("{page}/set.json")).expect_status(200).bytes;
    std::fs::write(at("set.json"), set).unwrap();
    let signed = opened(folder.path(), &[&["sign-set", "--set", "set.json"], keys.as_slice()].concat());
    browser.get(&page).expect_status(200);
    let signature = copied(&signed, "signature");
    browser.post(&format!("{page}/signature"), &[("signature", &signature)]).expect_status(303);
    for (place, other) in &mut others {
        day.sign_set(other, *place);
    }

    holds_a_drill(&day, &mut browser, folder.path(), &keys);
    for (place, other) in &mut others {
        day.hold_drill(other, *place);
    }
    day.bids_in(&PRICES);
    let mut agent = day.close();
    let hall = day.hall();
    let mut browser = day.enter(entity);
    let seen = browser.get(&hall).expect_status(200).text();
    assert!(
        seen.contains("sunbid open release --bundle bundle.json") && seen.contains("release-file"),
        "{seen}"
    );
    let bundle = browser.get(&format!("{hall}/single/bundle.json")).expect_status(200).bytes;
    std::fs::write(at("bundle.json"), bundle).unwrap();
    let release = ["release", "--bundle", "bundle.json", "--out", "release.json"];
    let arguments = [release.as_slice(), keys.as_slice()].concat();
    let wrong = tried(folder.path(), "one hand only", &arguments).unwrap_err().to_string();
    assert!(wrong.contains("passphrase"), "{wrong}");
    asks_before_it_releases(folder.path(), &arguments);
    releases(folder.path(), &arguments);

    let to = format!("{hall}/single/release-file");
    browser.get(&hall).expect_status(200);
    let refused = browser.post_file(&to, "release.json", b"{}").expect_status(422).text();
    assert!(refused.contains("class=\"problem"), "{refused}");
    let written = std::fs::read(at("release.json")).unwrap();
    browser.post_file(&to, "release.json", &written).expect_status(303);
    day.release(1);
    day.open(&mut agent, false).expect_status(303);
    day.publish_record(&mut agent);
    let seen = day.public_hall().replace(',', "");
    assert!(PRICES.iter().all(|price| seen.contains(price)), "{seen}");
}
