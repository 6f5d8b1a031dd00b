//! The log as plain files: served without the database, equal to it, healed when they are spoilt, and enough for a mirror.

use super::browser::Served;
use crate::account::role::Role;
use crate::account::testing::TestHouse;
use crate::ledger::act::Actor;
use crate::ledger::tests::foreign::client;
use crate::ledger::tiles::Resource;
use crate::ledger::{Door, Event, Subject, store};
use crate::on_both_databases;
use crate::platform::database::Database;
use crate::platform::database::testing::Engine;
use crate::platform::moment::Moment;
use reqwest::Method;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

on_both_databases! {
    full_tiles_are_served_from_files_without_the_database
    a_lost_or_damaged_file_is_noticed_and_made_again
    the_folder_alone_is_a_log_that_a_stranger_can_mirror
}

#[derive(Serialize)]
struct Happened {
    what: u64,
}

impl Event for Happened {
    const KIND: &'static str = "test.happened";
    const NUMBER: u8 = 254;

    fn object(&self, _: Moment, _: &Actor) -> Vec<u8> {
        self.what.to_be_bytes().to_vec()
    }
}

/// Lets the log grow by `entries`.
fn grow(house: &TestHouse, entries: u64) {
    let done = house.door().write(Actor::system("test"), move |act| {
        for what in 0..entries {
            act.enter(&Subject::None, &Happened { what })?;
        }
        Ok(())
    });
    done.unwrap();
}

fn folder(house: &TestHouse) -> PathBuf {
    house.door().config().log_folder()
}

/// Takes the log's tables away from under the running server.
fn rename_tables(house: &TestHouse) {
    use diesel::prelude::*;
    let database = Database::open(&house.door().config().database_url).unwrap();
    let mut db = database.writer().unwrap();
    for table in ["ledger_tile", "ledger_head", "ledger_entry", "ledger_kept"] {
        let words = format!("ALTER TABLE {table} RENAME TO gone_{table}");
        diesel::sql_query(words).execute(&mut **db).unwrap();
    }
}

/// Every file below `at` that has a name on the web, by that name.
fn files(at: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![at.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                waiting.push(entry);
            } else {
                let name = entry.strip_prefix(at).unwrap().display().to_string();
                found.insert(name, fs::read(&entry).unwrap());
            }
        }
    }
    found.retain(|name, _| !name.starts_with(".sums"));
    found
}

const FULL: [&str; 4] = ["tile/0/000", "tile/0/001", "tile/entries/000", "tile/entries/001"];

fn full_tiles_are_served_from_files_without_the_database(engine: Engine) {
    let served = Served::start(TestHouse::new(engine));
    let house = &served.house;
    grow(house, 600);
    let mut visitor = served.visitor();
    let from_database: Vec<_> =
        FULL.iter().map(|path| visitor.get(&format!("/log/{path}")).expect_status(200).bytes).collect();
    assert!(!folder(house).join(FULL[0]).exists(), "these came from the database");
    house.door().publish_log().unwrap();
    let lying = files(&folder(house));
    for (path, bytes) in FULL.iter().zip(&from_database) {
        assert_eq!(lying.get(*path).map(Vec::as_slice), Some(&bytes[..]), "{path}");
    }

    // a restart writes nothing anew
    let written = |path: &str| fs::metadata(folder(house).join(path)).unwrap().modified().unwrap();
    let before: Vec<_> = FULL.iter().map(|path| written(path)).collect();
    let again = Door::open(house.door().config().clone(), house.clock.clone()).unwrap();
    again.publish_log().unwrap();
    assert_eq!(FULL.iter().map(|path| written(path)).collect::<Vec<_>>(), before);

    // beginnings of tiles and notes may be asked for again soon; a note is not sent twice to somebody who has it
    let size = house.door().read(store::head).unwrap().unwrap().size;
    let partial = visitor.get(&format!("/log/tile/0/002.p/{}", size - 512)).expect_status(200);
    assert_eq!(partial.headers["cache-control"], "public, max-age=60");
    for path in ["/log/checkpoint", "/log/key", "/log/rotations", "/log/policy"] {
        let note = visitor.get(path).expect_status(200);
        assert_eq!(note.headers["cache-control"], "no-cache", "{path}");
        let tag = note.headers["etag"].to_str().unwrap().to_owned();
        let same = visitor.send(Method::GET, path, &[("If-None-Match", &tag)], bytes::Bytes::new());
        assert!(same.status == 304 && same.bytes.is_empty(), "{path}");
    }
    let tag = visitor.get("/log/checkpoint").headers["etag"].clone();
    house.member(Role::Bidder, "more");
    let tag = tag.to_str().unwrap();
    let newer = visitor.send(Method::GET, "/log/checkpoint", &[("If-None-Match", tag)], bytes::Bytes::new());
    assert_eq!(newer.status, 200, "the log has grown");

    // the log's tables are gone: full tiles do not miss them
    rename_tables(house);
    for (path, bytes) in FULL.iter().zip(&from_database) {
        let seen = visitor.get(&format!("/log/{path}")).expect_status(200);
        assert_eq!(seen.bytes, *bytes);
        assert_eq!(seen.headers["cache-control"], "public, max-age=31536000, immutable");
        let tag = seen.headers["etag"].to_str().unwrap().to_owned();
        let path = format!("/log/{path}");
        let same = visitor.send(Method::GET, &path, &[("If-None-Match", &tag)], bytes::Bytes::new());
        assert!(same.status == 304 && same.bytes.is_empty());
        let other = visitor.send(Method::GET, &path, &[("If-None-Match", "\"other\"")], bytes::Bytes::new());
        assert_eq!(other.status, 200);
    }
    assert_eq!(visitor.get("/log/tile/0/002.p/1").status, 500, "what is not full is in the database only");
}

fn a_lost_or_damaged_file_is_noticed_and_made_again(engine: Engine) {
    let served = Served::start(TestHouse::new(engine));
    let house = &served.house;
    grow(house, 600);
    house.door().publish_log().unwrap();
    let (at, good) = (folder(house), files(&folder(house)));
    let mut visitor = served.visitor();
    for path in FULL {
        for spoil in 0..3 {
            let file = at.join(path);
            match spoil {
                0 => fs::remove_file(&file).unwrap(),
                1 => fs::write(&file, b"").unwrap(),
                _ => {
                    let mut bytes = good[path].clone();
                    bytes[77] ^= 1;
                    fs::write(&file, bytes).unwrap();
                }
            }
            let seen = visitor.get(&format!("/log/{path}")).expect_status(200);
            assert_eq!(seen.bytes, good[path], "nobody is given the spoilt bytes");
            assert_eq!(fs::read(&file).unwrap(), good[path], "and the file is whole again");
        }
        // nobody asks us, since a web server serves the folder: the next rounds look anyway
        fs::write(at.join(path), b"spoilt").unwrap();
        assert_eq!(house.door().publish_log().unwrap(), 1);
        assert_eq!(fs::read(at.join(path)).unwrap(), good[path]);
    }
    // all hashes are lost, or the whole folder: everything is made again
    fs::remove_dir_all(at.join(".sums")).unwrap();
    fs::write(at.join(FULL[0]), b"spoilt").unwrap();
    let again = Door::open(house.door().config().clone(), house.clock.clone()).unwrap();
    again.publish_log().unwrap();
    assert_eq!(files(&at), good);
    fs::remove_dir_all(&at).unwrap();
    let again = Door::open(house.door().config().clone(), house.clock.clone()).unwrap();
    again.publish_log().unwrap();
    assert_eq!(files(&at), good);

    // the folder of another log is not taken for this one's, however small that one was
    let small = TestHouse::new(engine);
    grow(&small, 2);
    small.door().rotate_log().unwrap();
    small.door().publish_log().unwrap();
    let stale: Vec<String> = files(&folder(&small)).into_keys().filter(|name| name.contains('/')).collect();
    assert!(stale.iter().any(|name| name.starts_with("rotation/")), "{stale:?}");
    let mut config = house.door().config().clone();
    config.log_files = folder(&small).display().to_string();
    drop(Door::open(config, house.clock.clone()).unwrap());
    assert!(stale.iter().all(|name| !folder(&small).join(name).exists()));
    let other = TestHouse::new(engine);
    grow(&other, 300);
    let mut config = other.door().config().clone();
    config.log_files = at.display().to_string();
    let moved = Door::open(config, other.clock.clone()).unwrap();
    assert!(!at.join(FULL[0]).exists() && !at.join("checkpoint").exists());
    moved.publish_log().unwrap();
    let bytes = moved.log_file(Resource::parse(FULL[0]).unwrap()).unwrap().unwrap().bytes;
    assert_eq!(fs::read(at.join(FULL[0])).unwrap(), bytes);
    assert_ne!(bytes, good[FULL[0]]);
}

fn the_folder_alone_is_a_log_that_a_stranger_can_mirror(engine: Engine) {
    let house = TestHouse::new(engine);
    let first = house.door().log_key();
    let judge = |at: &Path| {
        let done = Command::new(client())
            .args(["-key", &first.to_string(), "-follow", "-log"])
            .arg(at)
            .output()
            .unwrap();
        (done.status.success(), String::from_utf8(done.stdout).unwrap())
    };
    // at every size, also while older tiles fill up and after a change of key
    let mirror = tempfile::tempdir().unwrap();
    for (more, rotate) in [(3, false), (250, true), (300, false), (1, true), (511, false)] {
        if rotate {
            house.door().rotate_log().unwrap();
        }
        grow(&house, more);
        house.door().publish_log().unwrap();
        let head = house.door().read(store::head).unwrap().unwrap();
        // a copy that is only added to, as rsync makes it
        for (name, bytes) in files(&folder(&house)) {
            let to = mirror.path().join(name);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::write(to, bytes).unwrap();
        }
        for at in [folder(&house), mirror.path().to_owned()] {
            let (content, words) = judge(&at);
            assert!(content && words.contains(&format!("ok checkpoint of {} leaves", head.size)), "{words}");
        }
    }
    assert_eq!(judge(mirror.path()).1.matches("ok rotation").count(), 2);
    assert!(!folder(&house).join("tile/0/000.p").exists(), "beginnings of what has long been full are gone");
}
