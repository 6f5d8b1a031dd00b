//! All SQL on seats.

use super::{damaged, id, moment};
use crate::expert_draw::draw::Draw;
use crate::expert_draw::hex_bytes::Hex;
use crate::expert_draw::rules::Answer;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use diesel::prelude::*;

diesel::table! {
    expert_draw_seat (draw_id, candidate) {
        draw_id -> Text,
        candidate -> Text,
        called_order -> Integer,
        stratum -> Text,
        registry_tag -> Text,
        holder -> Binary,
        answer -> Text,
        called_at -> BigInt,
        answered_at -> Nullable<BigInt>,
        dropped_order -> Nullable<Integer>,
        cause -> Nullable<Text>,
    }
}

/// A seat, or one that was passed on. Who holds it is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatRow {
    pub draw: Id<Draw>,
    pub candidate: Hex<16>,
    pub called_order: i32,
    pub stratum: String,
    pub holder: Vec<u8>,
    pub answer: Answer,
    pub called_at: Moment,
    pub answered_at: Option<Moment>,
    pub dropped_order: Option<i32>,
    pub cause: Option<String>,
}

#[derive(Queryable)]
struct RawSeat {
    draw_id: String,
    candidate: String,
    called_order: i32,
    stratum: String,
    holder: Vec<u8>,
    answer: String,
    called_at: i64,
    answered_at: Option<i64>,
    dropped_order: Option<i32>,
    cause: Option<String>,
}

impl RawSeat {
    fn read(self) -> Result<SeatRow, Fault> {
        Ok(SeatRow {
            draw: id(&self.draw_id)?,
            candidate: Hex::parse(&self.candidate).ok_or_else(|| damaged("candidate"))?,
            called_order: self.called_order,
            stratum: self.stratum,
            holder: self.holder,
            answer: Answer::from_code(&self.answer).ok_or_else(|| damaged("answer"))?,
            called_at: Moment::from_micros(self.called_at),
            answered_at: moment(self.answered_at),
            dropped_order: self.dropped_order,
            cause: self.cause,
        })
    }
}

macro_rules! seat_columns {
    ($s:ident) => {
        (
            $s::draw_id,
            $s::candidate,
            $s::called_order,
            $s::stratum,
            $s::holder,
            $s::answer,
            $s::called_at,
            $s::answered_at,
            $s::dropped_order,
            $s::cause,
        )
    };
}

/// The seats of a draw in the order in which people were called, those that were passed on included.
pub(crate) fn seats(db: &mut Db, draw: Id<Draw>) -> Result<Vec<SeatRow>, Fault> {
    use expert_draw_seat as s;
    let rows: Vec<RawSeat> = s::table
        .filter(s::draw_id.eq(draw.to_string()))
        .order(s::called_order)
        .select(seat_columns!(s))
        .load(db)?;
    rows.into_iter().map(RawSeat::read).collect()
}

/// The seats to which one expert was called, newest first, at most 100.
pub(in crate::expert_draw) fn seats_of(db: &mut Db, registry_tag: &str) -> Result<Vec<SeatRow>, Fault> {
    use expert_draw_seat as s;
    let rows: Vec<RawSeat> = s::table
        .filter(s::registry_tag.eq(registry_tag))
        .order((s::called_at.desc(), s::draw_id))
        .limit(100)
        .select(seat_columns!(s))
        .load(db)?;
    rows.into_iter().map(RawSeat::read).collect()
}

pub(in crate::expert_draw) fn insert_seat(
    db: &mut Db,
    seat: &SeatRow,
    registry_tag: &str,
) -> Result<(), Fault> {
    use expert_draw_seat as s;
    diesel::insert_into(s::table)
        .values((
            s::draw_id.eq(seat.draw.to_string()),
            s::candidate.eq(seat.candidate.to_string()),
            s::called_order.eq(seat.called_order),
            s::stratum.eq(&seat.stratum),
            s::registry_tag.eq(registry_tag),
            s::holder.eq(&seat.holder),
            s::answer.eq(seat.answer.code()),
            s::called_at.eq(seat.called_at.micros()),
        ))
        .execute(db)?;
    Ok(())
}

/// Writes an answer; `dropped` is the seat's place among those that became free, with the cause.
pub(in crate::expert_draw) fn set_answer(
    db: &mut Db,
    seat: &SeatRow,
    answer: Answer,
    dropped: Option<(i32, &str)>,
    now: Moment,
) -> Result<(), Fault> {
    use expert_draw_seat as s;
    let row = s::table
        .filter(s::draw_id.eq(seat.draw.to_string()).and(s::candidate.eq(seat.candidate.to_string())));
    diesel::update(row)
        .set((
            s::answer.eq(answer.code()),
            s::answered_at.eq(now.micros()),
            s::dropped_order.eq(dropped.map(|(order, _)| order)),
            s::cause.eq(dropped.map(|(_, cause)| cause)),
        ))
        .execute(db)?;
    Ok(())
}
