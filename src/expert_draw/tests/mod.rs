//! Tests of the room.

mod acting;
mod drawing;
mod listing;
mod order;
mod paging;
mod reading;

use super::draw::{
    Candidate, Draw, DrawDoc, DrawRecord, DrawTyp, PartyCommit, Reveals, Stratum, commit_of, draw,
};
use super::hex_bytes::Hex;
use super::public_value::PublicSource;
use crate::platform::digest::sha256;
use crate::platform::id::Id;
use crate::platform::moment::{MINUTE, Moment};

/// Sixteen bytes that depend on `name` only.
fn hex16(name: &str) -> Hex<16> {
    let mut out = [0; 16];
    out.copy_from_slice(&sha256(&[name.as_bytes()])[..16]);
    Hex(out)
}

fn t1() -> Moment {
    Moment::parse("2026-11-22T09:00:00+08:00").unwrap()
}

fn lottery() -> PublicSource {
    PublicSource::Lottery {
        name: "双色球".into(),
        issue: "2026134".into(),
        published_at: "https://www.cwl.gov.cn/".into(),
    }
}

fn secret_of(party: &str) -> [u8; 32] {
    sha256(&[b"secret of ", party.as_bytes()])
}

fn reveals_of(parties: &[&str]) -> Reveals {
    parties.iter().map(|party| ((*party).to_owned(), Hex(secret_of(party)))).collect()
}

const PARTIES: [&str; 3] = ["agent", "supervisor", "centre"];

fn parties_of(id: Id<Draw>) -> Vec<PartyCommit> {
    let party = |name: &str| PartyCommit { id: name.into(), commit: commit_of(id, name, &secret_of(name)) };
    PARTIES.into_iter().map(party).collect()
}

/// A document with `per_stratum` candidates in each of two strata; every third candidate works for the same unit.
fn document(per_stratum: usize, seats: [u32; 2], cap: u32) -> DrawDoc {
    let id = Id::from_bits(7);
    let names = ["房屋建筑 A08", "economics"];
    let mut candidates: Vec<Candidate> = names
        .iter()
        .flat_map(|stratum| (0..per_stratum).map(move |i| (stratum, i)))
        .map(|(stratum, i)| Candidate {
            id: hex16(&format!("{stratum}{i}")),
            stratum: (*stratum).into(),
            group: hex16(&if i % 3 == 0 { "unit 0".into() } else { format!("unit {i}") }),
        })
        .collect();
    candidates.sort_by_key(|candidate| candidate.id);
    let strata =
        names.iter().zip(seats).map(|(name, seats)| Stratum { name: (*name).into(), seats }).collect();
    DrawDoc {
        typ: DrawTyp::V1,
        id,
        tender: "T-2026-0007".into(),
        lot: "1".into(),
        parties: parties_of(id),
        candidates,
        strata,
        cap,
        list: Hex(sha256(&[b"list"])),
        public: lottery(),
        reveal_by: t1(),
        public_at: t1().plus(MINUTE),
    }
}

/// A record of a draw with the given reveals and lottery numbers.
fn record(doc: DrawDoc, revealed: &[&str], numbers: &str) -> DrawRecord {
    let reveals = reveals_of(revealed);
    let public_value = doc.public.value(numbers).unwrap();
    let result = draw(&doc, &reveals, &public_value).unwrap();
    DrawRecord { doc, reveals, public_value, result }
}

/// A true record, for tests of other modules.
pub fn sample_record() -> DrawRecord {
    record(document(40, [5, 4], 1), &PARTIES, "03 07 12 18 25 31 + 09")
}
