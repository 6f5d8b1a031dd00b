//! All SQL on `message_letter`.

use super::rules::{Content, Letter};
use crate::party::rules::Organisation;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use crate::platform::vault::Vault;
use diesel::prelude::*;

diesel::table! {
    message_letter (id) {
        id -> Text,
        recipient -> Text,
        body -> Binary,
        at -> BigInt,
        read_at -> Nullable<BigInt>,
    }
}

/// A letter as its recipient sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterRow {
    pub content: Content,
    pub at: Moment,
    pub read: bool,
}

const BODY: &str = "message/letter";

fn tag(vault: &Vault, organisation: Id<Organisation>) -> String {
    vault.tag("message/recipient", &[organisation.to_string().as_bytes()])
}

pub(super) fn insert(
    db: &mut Db,
    vault: &Vault,
    id: Id<Letter>,
    to: Id<Organisation>,
    content: &Content,
    at: Moment,
) -> Result<(), Fault> {
    diesel::insert_into(message_letter::table)
        .values((
            message_letter::id.eq(id.to_string()),
            message_letter::recipient.eq(tag(vault, to)),
            message_letter::body.eq(vault.seal(BODY, &serde_json::to_vec(content)?)),
            message_letter::at.eq(at.micros()),
        ))
        .execute(db)?;
    Ok(())
}

/// The newest letters to an organisation, newest first.
pub fn newest(
    db: &mut Db,
    vault: &Vault,
    organisation: Id<Organisation>,
    most: i64,
) -> Result<Vec<LetterRow>, Fault> {
    let rows: Vec<(Vec<u8>, i64, Option<i64>)> = message_letter::table
        .filter(message_letter::recipient.eq(tag(vault, organisation)))
        .order((message_letter::at.desc(), message_letter::id.desc()))
        .limit(most)
        .select((message_letter::body, message_letter::at, message_letter::read_at))
        .load(db)?;
    rows.into_iter()
        .map(|(body, at, read_at)| {
            let content = serde_json::from_slice(&vault.open(BODY, &body)?)?;
            Ok(LetterRow { content, at: Moment::from_micros(at), read: read_at.is_some() })
        })
        .collect()
}

/// How many letters an organisation has not read.
pub fn unread(db: &mut Db, vault: &Vault, organisation: Id<Organisation>) -> Result<i64, Fault> {
    Ok(message_letter::table
        .filter(message_letter::recipient.eq(tag(vault, organisation)).and(message_letter::read_at.is_null()))
        .count()
        .get_result(db)?)
}

pub(super) fn mark_read(
    db: &mut Db,
    vault: &Vault,
    organisation: Id<Organisation>,
    until: Moment,
    now: Moment,
) -> Result<(), Fault> {
    let unread = message_letter::table.filter(
        message_letter::recipient
            .eq(tag(vault, organisation))
            .and(message_letter::read_at.is_null())
            .and(message_letter::at.le(until.micros())),
    );
    diesel::update(unread).set(message_letter::read_at.eq(Some(now.micros()))).execute(db)?;
    Ok(())
}
