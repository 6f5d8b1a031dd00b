//! The key files of the people who keep the keys of example tenders, trustees and bidders: a newcomer who takes them into a browser can open
//! those tenders by hand. Their passphrase is that of every account here, and as public.
#![allow(clippy::unwrap_used)] // a demonstration that can not be built stops at once

use super::cast::PASSWORD;
use super::story::{LOCKED_TWICE, SHUT};
use crate::account::testing::{Member, TestHouse, run};
use crate::opening::testing::BidBox;
use crate::platform::canonical::jcs;
use crate::platform::files::Files;
use crate::platform::refusal::Fault;
use crate::sealed_bid::trustees_testing::Boxes;
use crate::sealing::bidder_key::lock_key_file;
use crate::sealing::key_file::write_box_key;

/// One trustee and the names of the files.
pub struct Row {
    pub login: &'static str,
    /// Locale key of the role.
    pub role: &'static str,
    pub account: String,
    /// One for each tender of [`SHUT`].
    pub boxes: Vec<String>,
}

/// The trustees of every example tender, in the order of its set.
const TRUSTEES: [(&str, &str); 3] = [
    ("agent", "account.role.agent"),
    ("entity", "account.role.entity"),
    ("supervisor", "account.role.supervisor"),
];

/// Every file that is offered.
pub fn rows() -> Vec<Row> {
    let row = |(login, role): (&'static str, &'static str)| Row {
        login,
        role,
        account: account_file(login),
        boxes: SHUT.iter().map(|number| box_file(number, login)).collect(),
    };
    TRUSTEES.into_iter().map(row).collect()
}

fn account_file(login: &str) -> String {
    format!("{login}.p12")
}

fn box_file(number: &str, login: &str) -> String {
    format!("{number}-{login}.p8")
}

fn place(name: &str) -> String {
    format!("demo/keys/{}", name.to_lowercase())
}

/// The bidders of [`LOCKED_TWICE`], by the call of their prices.
const BIDDERS: [&str; 4] = ["bidder1", "bidder2", "bidder3", "bidder4"];

/// Key files of the bidders whose bids are locked twice: sign-in name and file.
pub fn bidder_rows() -> Vec<(&'static str, String)> {
    BIDDERS.iter().map(|login| (*login, bidder_file(login))).collect()
}

fn bidder_file(login: &str) -> String {
    format!("{LOCKED_TWICE}-{login}.json")
}

/// A file that is offered; `None` for any other name.
///
/// # Errors
/// It is not there.
pub async fn read(files: &Files, name: &str) -> Result<Option<bytes::Bytes>, Fault> {
    let offered = rows().iter().any(|row| row.account == name || row.boxes.iter().any(|file| file == name))
        || bidder_rows().iter().any(|(_, file)| file == name);
    if offered { files.get_at(&place(name)).await.map(Some) } else { Ok(None) }
}

/// Keeps the files of the trustees of the tender called `number`.
pub fn keep(house: &TestHouse, number: &str, trustees: &[&Member], boxes: &Boxes) {
    for (trustee, key) in trustees.iter().zip(&boxes.keys) {
        let login = &trustee.who.login;
        put(house, &account_file(login), trustee.key_file(PASSWORD));
        put(house, &box_file(number, login), write_box_key(key, PASSWORD).unwrap());
    }
}

/// Keeps the key files of the bidders of [`LOCKED_TWICE`].
pub fn keep_bidders(house: &TestHouse, filled: &BidBox) {
    for (bidder, key) in filled.bidders.iter().zip(&filled.bidder_keys) {
        put(house, &bidder_file(&bidder.who.login), jcs(&lock_key_file(key, PASSWORD).unwrap()));
    }
}

/// In place of what an older demonstration may have left.
fn put(house: &TestHouse, name: &str, content: Vec<u8>) {
    let (files, place) = (house.door().files().clone(), place(name));
    run(async move {
        files.remove_at(&place).await?;
        files.put_at(&place, content.into()).await
    })
    .unwrap();
}
