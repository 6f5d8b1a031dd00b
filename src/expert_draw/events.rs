//! What the room tells the log. Hashes and salted ids only: no event names an expert, not even to those who may
//! open it later for an audit.

use super::draw::Draw;
use super::hex_bytes::Hex;
use super::public_value::{PublicSource, PublicValue};
use crate::ledger::Event;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use serde::Serialize;

/// A pool was imported.
#[derive(Serialize)]
pub struct PoolImported {
    pub hash: Hex<32>,
    pub experts: String,
}

impl Event for PoolImported {
    const KIND: &'static str = "expert_draw.pool_imported";
    const NUMBER: u8 = 90;
}

/// An account was linked to an expert; `registry` is a keyed tag.
#[derive(Serialize)]
pub struct AccountLinked {
    pub person: String,
    pub registry: String,
}

impl Event for AccountLinked {
    const KIND: &'static str = "expert_draw.account_linked";
    const NUMBER: u8 = 91;
}

/// A draw was set up: the list (or the list of numbers) and the public source are fixed from here on.
#[derive(Serialize)]
pub struct DrawSetUp {
    pub draw: Id<Draw>,
    pub subject: &'static str,
    pub list: Hex<32>,
    pub parties: Vec<String>,
    pub public: PublicSource,
    pub reveal_by: Moment,
    pub public_at: Moment,
}

impl Event for DrawSetUp {
    const KIND: &'static str = "expert_draw.set_up";
    const NUMBER: u8 = 92;
}

#[derive(Serialize)]
pub struct Committed {
    pub draw: Id<Draw>,
    pub party: String,
    pub commit: Hex<32>,
}

impl Event for Committed {
    const KIND: &'static str = "expert_draw.committed";
    const NUMBER: u8 = 93;
}

/// The document was fixed (T0). `document` is its hash, the one that the seed begins with.
#[derive(Serialize)]
pub struct Fixed {
    pub draw: Id<Draw>,
    pub document: Hex<32>,
}

impl Event for Fixed {
    const KIND: &'static str = "expert_draw.fixed";
    const NUMBER: u8 = 94;
}

#[derive(Serialize)]
pub struct Revealed {
    pub draw: Id<Draw>,
    pub party: String,
    pub secret: Hex<32>,
}

impl Event for Revealed {
    const KIND: &'static str = "expert_draw.revealed";
    const NUMBER: u8 = 95;
}

/// A party says what was published.
#[derive(Serialize)]
pub struct ValueRead {
    pub draw: Id<Draw>,
    pub party: String,
    pub value: PublicValue,
}

impl Event for ValueRead {
    const KIND: &'static str = "expert_draw.value_read";
    const NUMBER: u8 = 96;
}

/// The draw was carried out. `result` is the hash of the result in canonical form.
#[derive(Serialize)]
pub struct Drawn {
    pub draw: Id<Draw>,
    pub value: PublicValue,
    pub result: Hex<32>,
}

impl Event for Drawn {
    const KIND: &'static str = "expert_draw.drawn";
    const NUMBER: u8 = 97;
}

#[derive(Serialize)]
pub struct DrawFailed {
    pub draw: Id<Draw>,
    pub cause: String,
}

impl Event for DrawFailed {
    const KIND: &'static str = "expert_draw.failed";
    const NUMBER: u8 = 98;
}

/// An expert accepted or declined.
#[derive(Serialize)]
pub struct CallAnswered {
    pub draw: Id<Draw>,
    pub candidate: Hex<16>,
    pub answer: &'static str,
    /// Who is called instead, if the seat became free and an alternate is left.
    pub next: Option<Hex<16>>,
}

impl Event for CallAnswered {
    const KIND: &'static str = "expert_draw.call_answered";
    const NUMBER: u8 = 99;
}

/// A seat went to the next alternate for a legal cause.
#[derive(Serialize)]
pub struct SeatPassedOn {
    pub draw: Id<Draw>,
    pub candidate: Hex<16>,
    pub next: Option<Hex<16>>,
    pub cause: String,
}

impl Event for SeatPassedOn {
    const KIND: &'static str = "expert_draw.seat_passed_on";
    const NUMBER: u8 = 100;
}

/// Somebody looked at names or at the sealed documents of a draw.
#[derive(Serialize)]
pub struct NamesRead {
    pub draw: Id<Draw>,
    /// `names` or `record`.
    pub what: &'static str,
}

impl Event for NamesRead {
    const KIND: &'static str = "expert_draw.names_read";
    const NUMBER: u8 = 101;
}

/// The names were released for publication.
#[derive(Serialize)]
pub struct NamesReleased {
    pub draw: Id<Draw>,
    pub members: Vec<Hex<16>>,
}

impl Event for NamesReleased {
    const KIND: &'static str = "expert_draw.names_released";
    const NUMBER: u8 = 102;
}
