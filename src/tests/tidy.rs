//! The order of the house, kept by reading it: what the compiler and clippy can not see.
//!
//! Every test here reads files of the repository and lists all places that break one rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms that read everything and write nothing.
const GLASS: [&str; 3] = ["portal", "supervision", "open_data"];
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 11] = [
    "util", "utils", "common", "helper", "helpers", "manager", "managers", "service", "services", "misc",
    "shared",
];
const LINES_MAX: usize = 600;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` whose name ends in one of `endings`, as (path from the root, content).
fn files(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(next) = folders.pop() {
        let Ok(entries) = fs::read_dir(&next) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let foreign =
                ["target", "node_modules", "dist", "media"].contains(&name.as_str()) || name.starts_with('.');
            if path.is_dir() && !foreign {
                folders.push(path);
            } else if path.is_file() && endings.iter().any(|ending| name.ends_with(ending)) {
                found.push((short(&path), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn short(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned()
}

/// The modules of `src/lib.rs`, in the order of the street.
fn street() -> Vec<String> {
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    map.lines()
        .filter_map(|line| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned()))
        .collect()
}

/// Whether a file of `src/` is only for tests.
fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// Code without comments and without the test module at its end; lines keep their numbers.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines()
        .map(|line| if line.trim_start().starts_with("//") { "" } else { line })
        .collect::<Vec<_>>()
        .join("\n")
}

/// The source files of the running program: (path, room, file name in the room, code).
fn sources() -> Vec<(String, String, String, String)> {
    let parts = |path: &str| {
        let mut parts = path.trim_start_matches("src/").splitn(2, '/');
        let room = parts.next().unwrap_or_default().trim_end_matches(".rs").to_owned();
        (room, parts.next().unwrap_or_default().to_owned())
    };
    let all = files("src", &[".rs"]).into_iter().filter(|(path, _)| !is_test(path));
    all.map(|(path, text)| {
        let (room, file) = parts(&path);
        (path, room, file, code(&text))
    })
    .collect()
}

/// The modules that `code` names behind `crate::`, also inside braces: (line, first segment).
fn named_modules(code: &str) -> Vec<(usize, String)> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = Vec::new();
    for (start, _) in code.match_indices("crate::") {
        let line = code[..start].matches('\n').count() + 1;
        let rest = &code[start + "crate::".len()..];
        if !rest.starts_with('{') {
            found.push((line, word(rest)));
            continue;
        }
        let mut depth = 0;
        let mut expect = false;
        for (at, c) in rest.char_indices() {
            match c {
                '{' => (depth, expect) = (depth + 1, depth == 0),
                '}' => depth -= 1,
                ',' => expect = depth == 1,
                c if expect && c.is_alphabetic() => {
                    found.push((line, word(&rest[at..])));
                    expect = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

fn none(rule: &str, broken: Vec<String>) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

fn lines_with<'a>(code: &'a str, words: &'a [&str]) -> impl Iterator<Item = (usize, &'a str)> {
    let hit = |line: &str| words.iter().find(|word| line.contains(**word)).copied();
    code.lines().enumerate().filter_map(move |(number, line)| Some((number + 1, hit(line)?)))
}

#[test]
fn a_room_knows_only_the_basement_and_earlier_rooms() {
    let street = street();
    let place = |name: &str| street.iter().position(|module| module == name);
    assert!(street.len() > 20 && place("platform") == Some(0), "{street:?}");
    let mut broken = Vec::new();
    for (path, room, _, code) in sources() {
        let Some(own) = place(&room) else { continue };
        for (line, module) in named_modules(&code) {
            if place(&module).is_some_and(|other| other > own) {
                broken.push(format!("{path}:{line} names {module}, which comes after {room}"));
            }
        }
    }
    none("a room may know only earlier rooms", broken);
}

#[test]
fn imports_in_braces_are_seen() {
    let code = "use crate::{ledger::{Act, tree}, deposit, platform::id};\nfn f() { crate::opening::x() }";
    let names: Vec<String> = named_modules(code).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["ledger", "deposit", "platform", "opening"]);
}

#[test]
fn inside_a_room_pages_know_actions_and_actions_know_store_and_rules() {
    let banned: [(&str, &[&str]); 5] = [
        (
            "rules.rs",
            &[
                "diesel",
                "actix_",
                "askama",
                "Clock",
                "platform::random",
                "std::fs",
                "tokio",
                "super::store",
                "super::actions",
                "super::pages",
            ],
        ),
        ("store.rs", &["actix_", "askama", "super::actions", "super::pages"]),
        ("actions.rs", &["diesel::", "actix_", "askama", "super::pages"]),
        ("pages.rs", &["diesel::", "insert_into("]),
        ("jobs.rs", &["diesel::", "actix_", "askama", "super::pages"]),
    ];
    let mut broken = Vec::new();
    for (path, _, file, code) in sources() {
        let furniture = file.split('/').next().unwrap_or_default();
        let furniture =
            if furniture.ends_with(".rs") { furniture.to_owned() } else { format!("{furniture}.rs") };
        let words = banned.iter().find(|(name, _)| *name == furniture).map_or(&[][..], |(_, words)| words);
        broken.extend(lines_with(&code, words).map(|(line, word)| format!("{path}:{line} uses {word}")));
    }
    none("furniture stays within what it may use", broken);
}

/// The rows of all tables that admit certain roles: (room, handler, roles as the row names them).
fn rows_with_roles() -> Vec<(String, String, String)> {
    let mut rows = Vec::new();
    for (path, text) in files("src", &[".rs"]) {
        let room = path.split('/').nth(1).unwrap_or_default().to_owned();
        let Some((_, table)) = text.split_once("crate::routes! {") else { continue };
        for row in table.split_once("\n}").map_or("", |(rows, _)| rows).lines() {
            let Some((roles, handler)) = row.split_once('[').and_then(|(_, rest)| rest.split_once("] => "))
            else {
                continue;
            };
            let name = handler.trim_end_matches(';').rsplit("::").next().unwrap_or_default();
            rows.push((room.clone(), name.to_owned(), roles.to_owned()));
        }
    }
    rows
}

#[test]
fn a_handler_names_the_roles_that_its_row_admits() {
    let sources = files("src", &[".rs"]);
    let rows = rows_with_roles();
    assert!(rows.len() > 100, "{}", rows.len());
    let mut broken = Vec::new();
    for (room, handler, roles) in rows {
        let own = sources.iter().filter(|(path, _)| path.starts_with(&format!("src/{room}/")));
        let signature = own.filter_map(|(_, text)| {
            let (_, rest) = text.split_once(&format!("async fn {handler}("))?;
            Some(rest.split_once("->")?.0.split_whitespace().collect::<String>())
        });
        for signature in signature.filter(|text| text.contains("Anybody(")) {
            broken.push(format!("{room}::{handler} serves [{roles}] and takes {signature}"));
        }
    }
    none("a handler of a row with roles takes the extractor of these roles:", broken);
}

#[test]
fn glass_rooms_write_nothing() {
    let words =
        ["insert_into(", "diesel::update", "diesel::delete", "INSERT ", "UPDATE ", "DELETE ", ".enter("];
    let mut broken = Vec::new();
    for (path, room, file, code) in
        sources().into_iter().filter(|(_, room, ..)| GLASS.contains(&room.as_str()))
    {
        if file == "actions.rs" {
            broken.push(format!("{path}: {room} is a glass room and has no acts of its own"));
        }
        broken.extend(lines_with(&code, &words).map(|(line, word)| format!("{path}:{line} uses {word}")));
    }
    none("glass rooms read everything and write nothing", broken);
}

#[test]
fn the_verifier_uses_only_pure_parts() {
    let words = [
        "diesel",
        "actix_",
        "::store",
        "::actions",
        "::pages",
        "::jobs",
        "reqwest",
        "object_store",
        "Clock",
        "platform::random",
        "platform::database",
    ];
    let mut broken = Vec::new();
    for (path, ..) in sources().iter().filter(|(_, room, ..)| room == "verify") {
        let code = code(&fs::read_to_string(root().join(path)).unwrap());
        broken.extend(lines_with(&code, &words).map(|(line, word)| format!("{path}:{line} uses {word}")));
    }
    none("the verifier works offline, from pure parts", broken);
}

#[test]
fn the_time_and_chance_come_only_through_their_doors() {
    let words = ["SystemTime::now", "Utc::now", "Local::now", "SystemRandom", "getrandom", "OsRng", "rand::"];
    let doors = ["src/platform/moment.rs", "src/platform/random.rs"];
    let mut broken = Vec::new();
    for (path, _, _, code) in sources().into_iter().filter(|(path, ..)| !doors.contains(&path.as_str())) {
        broken.extend(lines_with(&code, &words).map(|(line, word)| format!("{path}:{line} uses {word}")));
    }
    none("time comes from platform::moment, chance from platform::random", broken);
}

#[test]
fn no_file_is_longer_than_six_hundred_lines_and_none_has_an_empty_name() {
    let mut broken = Vec::new();
    let all = ["src", "tests", "benches", "browser", "templates"];
    for (path, text) in
        all.into_iter().flat_map(|top| files(top, &[".rs", ".ts", ".html", ".css", ".go", ".py"]))
    {
        let lines = text.lines().count();
        if lines > LINES_MAX {
            broken.push(format!("{path} has {lines} lines"));
        }
        let named = |part: &str| EMPTY_NAMES.contains(&part.split('.').next().unwrap_or_default());
        if path.split('/').any(named) {
            broken.push(format!("{path} has a name that says nothing"));
        }
    }
    none("files are short and named for what they hold", broken);
}

#[test]
fn every_room_has_its_sign() {
    let mut broken = Vec::new();
    for room in street() {
        let path = root().join("src").join(&room).join("mod.rs");
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let sign = text.lines().filter(|line| line.starts_with("//!") && line.len() > 5).count();
        if sign < 4 || text.contains("//! (empty)") {
            broken.push(format!("{} tells too little ({sign} lines)", short(&path)));
        }
    }
    none("a room's mod.rs says what happens there", broken);
}

#[test]
fn nothing_is_left_to_be_done_later() {
    let words = [concat!("FIX", "ME"), concat!("TO", "DO")];
    let mut broken = Vec::new();
    for top in ["src", "tests", "benches", "browser", "templates", "locales", "docs", "bin", "migrations"] {
        for (path, text) in
            files(top, &[".rs", ".ts", ".html", ".css", ".go", ".py", ".yml", ".md", ".sql", "run", "test"])
        {
            broken.extend(lines_with(&text, &words).map(|(line, word)| format!("{path}:{line} has {word}")));
        }
    }
    none("what is here is done", broken);
}

#[test]
fn templates_escape_everything() {
    let words =
        ["|safe", "| safe", "escape = \"none\"", " onclick=", " onload=", " onsubmit=", "javascript:"];
    let mut broken = Vec::new();
    for (path, text) in files("templates", &[""]) {
        broken.extend(lines_with(&text, &words).map(|(line, word)| format!("{path}:{line} has {word}")));
        let inline = text.match_indices("<script").filter(|(at, _)| {
            let tag = text[*at..].split('>').next().unwrap_or_default();
            !tag.contains("src=") && !tag.contains("type=\"application/json\"")
        });
        broken.extend(inline.map(|_| format!("{path} has a script in the page")));
    }
    none("templates hold no unescaped text and no code", broken);
}

/// Locale keys with their languages, from files in rust-i18n's second format (nested by indentation or dotted).
fn locale_keys() -> BTreeMap<String, BTreeSet<String>> {
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in files("locales", &[".yml"]) {
        assert!(text.contains("_version: 2"), "{path} has no _version: 2");
        let mut above: Vec<(usize, String)> = Vec::new();
        let mut block: Option<usize> = None;
        for line in text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        {
            let indent = line.len() - line.trim_start().len();
            if block.is_some_and(|of| indent > of) {
                continue;
            }
            block = None;
            let Some((name, value)) = line.trim_start().split_once(':') else { continue };
            let name = name.trim_matches('"').trim_matches('\'').to_owned();
            above.retain(|(depth, _)| *depth < indent);
            if ["zh-CN", "en"].contains(&name.as_str()) {
                let key = above.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(".");
                assert!(!value.trim().is_empty(), "{path}: {key} has no text in {name}");
                keys.entry(key).or_default().insert(name);
                block = Some(indent);
            } else {
                above.push((indent, name));
            }
        }
    }
    keys
}

/// Text in quotes that looks like a locale key of one of `rooms`.
fn quoted_keys(text: &str, rooms: &BTreeSet<String>) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for part in line.split('"').skip(1).step_by(2) {
            let plain =
                part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.');
            let segments: Vec<&str> = part.split('.').collect();
            let shaped = segments.len() >= 3 && segments.iter().all(|segment| !segment.is_empty());
            if plain && shaped && rooms.contains(segments[0]) {
                found.push((number + 1, part.to_owned()));
            }
        }
    }
    found
}

#[test]
fn every_sentence_has_both_languages_and_every_key_that_is_used_exists() {
    let keys = locale_keys();
    let lacking = keys.iter().filter(|(_, languages)| languages.len() < 2);
    let mut broken: Vec<String> = lacking.map(|(key, has)| format!("{key} exists only in {has:?}")).collect();
    let rooms: BTreeSet<String> = files("locales", &[".yml"])
        .iter()
        .map(|(path, _)| path.trim_start_matches("locales/").trim_end_matches(".yml").to_owned())
        .collect();
    let rust = files("src", &[".rs"]).into_iter().filter(|(path, _)| !is_test(path));
    for (path, text) in rust.chain(files("templates", &[""])) {
        let used = quoted_keys(&text, &rooms).into_iter().filter(|(_, key)| !keys.contains_key(key));
        broken.extend(used.map(|(line, key)| format!("{path}:{line} uses {key}, which no locale file has")));
    }
    none("every key is in both languages, and is there", broken);
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |engine: &str| -> BTreeSet<String> {
        let folder = root().join("migrations").join(engine);
        let Ok(entries) = fs::read_dir(folder) else { return BTreeSet::new() };
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    };
    let (sqlite, postgres) = (names("sqlite"), names("postgres"));
    let broken = sqlite.symmetric_difference(&postgres).map(|name| format!("{name} is in one tree only"));
    none("the two migration trees are equal", broken.collect());
}

#[test]
fn every_path_that_a_page_of_the_manual_names_is_there() {
    let tops: Vec<String> = [
        "src",
        "docs",
        "tests",
        "bin",
        "templates",
        "locales",
        "migrations",
        "rulebooks",
        "browser",
        "benches",
        "media",
    ]
    .iter()
    .map(|top| format!("{top}/"))
    .collect();
    let mut broken = Vec::new();
    let pages: Vec<PathBuf> = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let pages = pages.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let top: Vec<(String, String)> =
        pages.map(|path| (short(&path), fs::read_to_string(&path).unwrap())).collect();
    for (page, text) in top
        .into_iter()
        .chain(["docs", "media", "benches", "tests"].into_iter().flat_map(|at| files(at, &[".md"])))
    {
        for path in text.split('`').skip(1).step_by(2) {
            let ours = tops.iter().any(|top| path.starts_with(top.as_str()));
            let pattern = path.contains(['<', '*', '{', ' ', '…', '$', '\n'])
                || path.contains("NAME")
                || path.contains("...");
            if ours && !pattern && !root().join(path.split([':', '#']).next().unwrap_or_default()).exists() {
                broken.push(format!("{page} names {path}"));
            }
        }
    }
    none("every path in the manual exists", broken);
}

/// The events of the log as the rooms declare them: (path, kind, number).
fn events() -> Vec<(String, String, u8)> {
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(hex) => u8::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    };
    let mut found = Vec::new();
    for (path, _, _, code) in sources() {
        let mut kind = None;
        for line in code.lines().map(str::trim) {
            if let Some(rest) = line.strip_prefix("const KIND: &'static str = \"") {
                kind = rest.strip_suffix("\";").map(str::to_owned);
            } else if let Some(rest) = line.strip_prefix("const NUMBER: u8 = ") {
                let number =
                    rest.strip_suffix(';').and_then(number).unwrap_or_else(|| panic!("{path}: {rest}"));
                found.push((
                    path.clone(),
                    kind.take().unwrap_or_else(|| panic!("{path}: {number} without kind")),
                    number,
                ));
            }
        }
    }
    found
}

#[test]
fn every_kind_of_entry_has_a_number_of_its_own_its_room_in_its_name_and_a_sentence() {
    let keys = locale_keys();
    let mut broken = Vec::new();
    let mut seen: BTreeMap<u8, String> = BTreeMap::new();
    for (path, kind, number) in events() {
        let room = path.trim_start_matches("src/").split('/').next().unwrap_or_default().to_owned();
        if kind.split('.').next() != Some(room.as_str()) {
            broken.push(format!("{path}: {kind} does not begin with {room}"));
        }
        let sentence = format!("supervision.kind.{kind}");
        let tested = kind.split('.').nth(1).is_some_and(|name| name.starts_with("test_"));
        if !tested && kind != "test.happened" && !keys.contains_key(&sentence) {
            broken.push(format!("{path}: {sentence} is missing in locales/supervision.yml"));
        }
        if let Some(other) = seen.insert(number, kind.clone()) {
            broken.push(format!("{path}: {kind} has number {number}, as {other} has"));
        }
    }
    none("kinds of entries are numbered once, named for their room, and told in words", broken);
}
