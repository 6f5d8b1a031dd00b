//! Nothing that lies in the database, and no page of anybody else, tells who bids on a lot or how many.

use super::{box1, offer};
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::project::testing::{Shape, facts};
use crate::sealed_bid::testing::bid;
use crate::sealing::context::EnvelopeKind;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

on_both_databases! {
    rows_of_bids_share_no_value_and_name_nobody
}

#[derive(QueryableByName)]
struct Said {
    #[diesel(sql_type = Text)]
    said: String,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

fn rows_of_bids_share_no_value_and_name_nobody(engine: Engine) {
    let x = box1(engine, &Shape::default());
    for member in [&x.first, &x.second] {
        bid(&x.house, member, x.lot, EnvelopeKind::Single, &offer()).unwrap();
    }
    bid(&x.house, &x.first, x.lot, EnvelopeKind::Single, &offer()).unwrap();
    let said: Vec<String> = x
        .house
        .door()
        .read(|db| {
            let body = match engine {
                Engine::Sqlite => "hex(body)",
                Engine::Postgres => "encode(body, 'hex')",
            };
            let sql = format!(
                "SELECT id || ' ' || of_lot || ' ' || of_bid || ' ' || of_bidder || ' ' || entry_id || ' ' || {body} AS said FROM sealed_bid_step \
                 UNION ALL SELECT id || ' ' || owner || ' ' || state FROM sealed_bid_upload \
                 UNION ALL SELECT upload_id || ' ' || file FROM sealed_bid_part \
                 UNION ALL SELECT id || ' ' || subject FROM ledger_entry WHERE id IN (SELECT entry_id FROM sealed_bid_step)"
            );
            let rows: Vec<Said> = diesel::sql_query(sql).load(db)?;
            Ok::<_, crate::platform::refusal::Fault>(rows.into_iter().map(|row| row.said).collect())
        })
        .unwrap();
    // three steps with their uploads and entries, and the pieces of the two bids that stand
    assert!(said.len() >= 3 + 3 + 2 + 3);
    let facts = facts(&x.house, x.lot);
    let canary = |word: &str| {
        let hexed = hex::encode(word);
        said.iter().any(|row| row.contains(word) || row.to_lowercase().contains(&hexed))
    };
    for word in [
        x.lot.to_string(),
        facts.tender.to_string(),
        facts.number.to_string(),
        x.first.who.person.to_string(),
        x.first.who.organisation.to_string(),
        x.second.who.credit_code.clone(),
        x.second.who.organisation_name.clone(),
        "8765432".to_owned(),
    ] {
        assert!(!canary(&word), "{word} stands in the database");
    }
    for column in ["of_lot", "of_bid", "of_bidder"] {
        let sql = format!("SELECT COUNT(DISTINCT {column}) AS rows FROM sealed_bid_step");
        let found = x.house.door().read(|db| {
            Ok::<_, crate::platform::refusal::Fault>(diesel::sql_query(sql).get_result::<Counted>(db)?.rows)
        });
        assert_eq!(found.unwrap(), 3, "{column} groups the rows of one lot or bidder");
    }
    let sql = "SELECT COUNT(DISTINCT subject) AS rows FROM ledger_entry WHERE id IN (SELECT entry_id FROM sealed_bid_step)";
    let subjects = x.house.door().read(|db| {
        Ok::<_, crate::platform::refusal::Fault>(diesel::sql_query(sql).get_result::<Counted>(db)?.rows)
    });
    assert_eq!(subjects.unwrap(), 3, "the log's subjects count the bids of a lot");
}
