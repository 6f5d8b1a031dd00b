//! All SQL on the box's tables: the tables here, the statements in one file for each kind of thing.

mod covers;
mod steps;
mod uploads;

pub(super) use covers::{Cover, covers, insert_cover, remove_cover};
pub(crate) use steps::steps_of_lot;
pub use steps::{CountedEnvelope, Found, counted, counted_of, found};
pub(super) use steps::{Series, insert_step, lane, step, steps, steps_of_bid};
pub use uploads::{Part, Standing, UploadRow, UploadState, measured};
pub(super) use uploads::{
    announced_bytes, arrived_bytes, bidder_tag, end_upload, expired, forget_upload, insert_part,
    insert_upload, leftovers, no_tag, open_uploads, owner_tag, remove_part, remove_parts, standing,
    supersede, tidied,
};
pub(crate) use uploads::{parts, upload};

use crate::platform::id::Id;
use crate::platform::refusal::Fault;

diesel::table! {
    sealed_bid_upload (id) {
        id -> Text,
        owner -> Text,
        bidder -> Text,
        size -> BigInt,
        state -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}
diesel::table! {
    sealed_bid_part (upload_id, place) {
        upload_id -> Text,
        place -> BigInt,
        size -> BigInt,
        leaves -> Binary,
        file -> Text,
    }
}
diesel::table! {
    sealed_bid_step (id) {
        id -> Text,
        of_lot -> Text,
        of_bid -> Text,
        of_bidder -> Text,
        entry_id -> Text,
        body -> Binary,
        at -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(sealed_bid_upload, sealed_bid_part);

fn id<T>(text: &str) -> Result<Id<T>, Fault> {
    Id::parse(text).ok_or_else(|| Fault::new("a damaged id in the database"))
}

fn count(number: i64) -> Result<u64, Fault> {
    u64::try_from(number).map_err(|_| Fault::new("a negative size in the database"))
}

fn signed(number: u64) -> Result<i64, Fault> {
    i64::try_from(number).map_err(|_| Fault::new("a size beyond 2^63"))
}
