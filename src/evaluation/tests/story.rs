//! Whole evaluations: from inputs to a report that anyone can compute again.

use super::worked_examples::{E4_BIDS, exact, yuan};
use crate::evaluation::arithmetic::PriceStatement;
use crate::evaluation::committee::{CommitteeRule, Seat, SeatKind};
use crate::evaluation::method::{Method, Price, TieRule};
use crate::evaluation::price_score::Enterprise;
use crate::evaluation::report::{
    Adjustment, BidInput, Competition, Conclusion, CorrectionAnswer, LowPrice, LowPriceDecision, Report,
    ReportInputs, StillCompetes, method_digest, recompute, screen,
};
use crate::evaluation::responsiveness::{self, Ground, Outcome, Review, Verdict};
use crate::evaluation::rules::{Refusal, System};
use crate::evaluation::score_sheet::{self, Score, ScoreSheet};
use std::collections::BTreeMap;

pub const WORKS: &str = include_str!("works.toml");
pub const PROCUREMENT: &str = include_str!("procurement.toml");
pub const LOWEST: &str = include_str!("lowest.toml");

/// Seven works bids of example E4, five members, every item scored 30 and 8 of 40 points.
pub fn works(prices: &[i64]) -> ReportInputs {
    inputs(Method::from_toml(WORKS).unwrap(), System::Tendering, prices)
}

pub fn inputs(method: Method, system: System, prices: &[i64]) -> ReportInputs {
    let bid = |(i, &price): (usize, &i64)| BidInput {
        bid: format!("b{}", i + 1),
        bidder: format!("Bidder {}", i + 1),
        price: yuan(price),
        no_price: None,
        deposit: None,
        enterprise: Enterprise::Ordinary,
        statement: None,
        correction: None,
        adjustments: Vec::new(),
    };
    let seat = |i: usize| Seat {
        member: format!("m{i}"),
        kind: if i == 5 { SeatKind::Representative } else { SeatKind::Expert },
        leader: i == 1,
    };
    let mut inputs = ReportInputs {
        tender: "DEMO-0001".into(),
        lot: "1".into(),
        system,
        committee_rule: CommitteeRule { least: 5, experts_of: 2, experts_per: 3 },
        minimum_bidders: 3,
        drawn: BTreeMap::from([("K".to_owned(), exact("0.03"))]),
        method,
        ceiling: Some(yuan(10_000_000)),
        bids_at_deadline: u32::try_from(prices.len()).unwrap(),
        bids: prices.iter().enumerate().map(bid).collect(),
        seats: (1..=5).map(seat).collect(),
        reviews: Vec::new(),
        sheets: Vec::new(),
        low_prices: Vec::new(),
        competition: None,
        tie_seed: None,
    };
    inputs.reviews = (1..=5).map(|i| review(&inputs, &format!("m{i}"), &[])).collect();
    score_all(&mut inputs);
    inputs
}

/// A member's review that fails the given (bid, item) pairs.
pub fn review(inputs: &ReportInputs, member: &str, failed: &[(&str, &str)]) -> Review {
    let mut verdicts = Vec::new();
    for bid in &inputs.bids {
        for item in &inputs.method.review {
            let fails = failed.contains(&(bid.bid.as_str(), item.id.as_str()));
            let (outcome, reason) =
                if fails { (Outcome::Fail, "signature missing") } else { (Outcome::Pass, "") };
            let (bid, item) = (bid.bid.clone(), item.id.clone());
            verdicts.push(Verdict { bid, item, outcome, reason: reason.into() });
        }
    }
    Review {
        format: responsiveness::FORMAT.into(),
        tender: inputs.tender.clone(),
        lot: inputs.lot.clone(),
        method: method_digest(&inputs.method),
        member: member.into(),
        verdicts,
    }
}

/// Sheets of all members for the bids that are left: three quarters of each item's points.
pub fn score_all(inputs: &mut ReportInputs) {
    let Ok(screened) = screen(inputs) else { return };
    let mut scores = Vec::new();
    for bid in screened.left.keys() {
        for item in &inputs.method.items {
            let score = (item.most.0 * exact("0.75").0).normalize();
            scores.push(Score { bid: bid.clone(), item: item.id.clone(), score: score.into() });
        }
    }
    if scores.is_empty() {
        inputs.sheets.clear();
        return;
    }
    let sheet = |seat: &Seat| ScoreSheet {
        format: score_sheet::FORMAT.into(),
        tender: inputs.tender.clone(),
        lot: inputs.lot.clone(),
        method: method_digest(&inputs.method),
        member: seat.member.clone(),
        scores: scores.clone(),
    };
    inputs.sheets = inputs.seats.iter().map(sheet).collect();
}

fn ranks(inputs: &ReportInputs) -> Vec<(u32, String, String)> {
    let ranking = recompute(inputs).unwrap();
    let total = |total: Option<_>| {
        total.map_or(String::new(), |total: crate::evaluation::decimal::Exact| total.to_string())
    };
    ranking.rows.iter().map(|row| (row.rank, row.bid.clone(), total(row.total))).collect()
}

#[test]
fn the_seven_bids_of_e4_rank_as_computed_by_hand() {
    let inputs = works(&E4_BIDS);
    let ranked = ranks(&inputs);
    let bids: Vec<&str> = ranked.iter().map(|(_, bid, _)| bid.as_str()).collect();
    assert_eq!(bids, ["b6", "b5", "b7", "b4", "b3", "b2", "b1"]);
    // three quarters of 40 points, and the price score of E4
    let totals: Vec<&str> = ranked.iter().map(|(_, _, total)| total.as_str()).collect();
    assert_eq!(totals, ["89.89", "88.23", "88.12", "87.13", "85.47", "83.81", "81.60"]);
    assert_eq!(recompute(&inputs).unwrap().candidates, ["b6", "b5", "b7"]);
}

#[test]
fn a_report_holds_until_one_digit_of_it_is_changed() {
    let report = Report::of(works(&E4_BIDS)).unwrap();
    assert!(report.holds());
    let bytes = report.jcs();
    assert_eq!(Report::from_jcs(&bytes).unwrap(), report);
    let text = String::from_utf8(bytes).unwrap();
    for (from, to) in [
        ("\"89.89\"", "\"89.90\""),
        ("9040400.00", "9040401.00"),
        ("\"price\":\"9050000.00\"", "\"price\":\"9050001.00\""),
    ] {
        let forged = text.replace(from, to);
        assert_ne!(forged, text, "{from} occurs");
        assert!(!Report::from_jcs(forged.as_bytes()).unwrap().holds(), "{from} -> {to}");
    }
    assert!(Report::from_jcs(text.replace("{\"format\"", "{ \"format\"").as_bytes()).is_err());
}

#[test]
fn a_bid_that_most_members_fail_is_rejected_with_its_article_and_leaves_the_base_alone() {
    let mut inputs = works(&E4_BIDS);
    for i in 1..=3 {
        inputs.reviews[i - 1] = review(&inputs, &format!("m{i}"), &[("b6", "signed")]);
    }
    score_all(&mut inputs);
    let ranking = recompute(&inputs).unwrap();
    let rejection = &ranking.rejected["b6"][0];
    assert_eq!(rejection.ground, Ground::NotSigned);
    assert_eq!((rejection.article.as_str(), rejection.against, rejection.of), ("ztb_r_51_1", 3, 5));
    assert_eq!(rejection.reasons, ["signature missing"]);
    // frozen at opening: the rejected bid still counts in the base
    assert_eq!(ranking.working.unwrap().base.to_string(), "9040400.00");
    assert_eq!(ranking.candidates, ["b5", "b7", "b4"]);
}

#[test]
fn two_of_five_members_can_not_reject_a_bid() {
    let mut inputs = works(&E4_BIDS);
    for i in 1..=2 {
        inputs.reviews[i - 1] = review(&inputs, &format!("m{i}"), &[("b6", "signed")]);
    }
    assert!(recompute(&inputs).unwrap().rejected.is_empty());
}

#[test]
fn a_failure_without_a_reason_and_a_review_with_a_gap_are_refused() {
    let mut inputs = works(&E4_BIDS);
    inputs.reviews[0].verdicts[0].outcome = Outcome::Fail;
    assert!(matches!(recompute(&inputs), Err(Refusal::ReasonMissing { .. })));
    let mut inputs = works(&E4_BIDS);
    inputs.reviews[0].verdicts.pop();
    assert!(matches!(recompute(&inputs), Err(Refusal::Incomplete { .. })));
    let mut inputs = works(&E4_BIDS);
    inputs.reviews.pop();
    assert_eq!(recompute(&inputs), Err(Refusal::MemberMissing { member: "m5".into() }));
    let mut inputs = works(&E4_BIDS);
    inputs.reviews[0].method = method_digest(&Method::from_toml(LOWEST).unwrap());
    assert_eq!(recompute(&inputs), Err(Refusal::OtherLot));
}

#[test]
fn scores_out_of_bounds_or_too_fine_and_objective_items_scored_apart_are_refused() {
    let change = |position: usize, score: &str| {
        let mut inputs = works(&E4_BIDS);
        inputs.sheets[0].scores[position].score = exact(score);
        recompute(&inputs)
    };
    assert!(matches!(change(0, "30.5"), Err(Refusal::ScoreOutOfBounds { .. })));
    assert!(matches!(change(0, "-1"), Err(Refusal::ScoreOutOfBounds { .. })));
    assert!(matches!(change(0, "20.125"), Err(Refusal::ScoreTooFine { .. })));
    assert!(matches!(change(1, "5"), Err(Refusal::ObjectiveDiffers { .. })));
    assert!(change(0, "20.5").is_ok());
    let mut inputs = works(&E4_BIDS);
    inputs.sheets[0].scores[0].bid = "b9".into();
    assert!(matches!(recompute(&inputs), Err(Refusal::UnknownBid { .. })));
}

#[test]
fn members_means_can_leave_out_the_highest_and_the_lowest() {
    let mut inputs = works(&E4_BIDS);
    let marks = ["10", "20", "22", "24", "30"];
    for (sheet, mark) in inputs.sheets.iter_mut().zip(marks) {
        sheet.scores[0].score = exact(mark);
    }
    let technical = |inputs: &ReportInputs| {
        let ranking = recompute(inputs).unwrap();
        ranking.rows.iter().find(|row| row.bid == "b1").unwrap().technical.unwrap().to_string()
    };
    assert_eq!(technical(&inputs), "21.20");
    let text =
        WORKS.replace("member_mean = \"all\"", "member_mean = { trim_one_each = { from_members = 5 } }");
    inputs.method = Method::from_toml(&text).unwrap();
    let digest = method_digest(&inputs.method);
    inputs.sheets.iter_mut().for_each(|sheet| sheet.method.clone_from(&digest));
    inputs.reviews.iter_mut().for_each(|review| review.method.clone_from(&digest));
    assert_eq!(technical(&inputs), "22.00");
}

#[test]
fn e15_equal_scores_go_to_the_lower_price_and_equal_prices_share_the_rank() {
    let method = Method::from_toml(PROCUREMENT).unwrap();
    let mut inputs = inputs(method, System::GovernmentProcurement, &[950_000, 940_000, 940_000]);
    inputs.ceiling = None;
    score_all(&mut inputs);
    // price scores are 29.68, 30.00, 30.00: the first makes up 0.32 in its items, so that all totals are equal
    for sheet in &mut inputs.sheets {
        sheet.scores[0].score = exact("30.32");
        sheet.scores[2].score = exact("30");
        sheet.scores[4].score = exact("30");
    }
    let ranked = ranks(&inputs);
    assert_eq!(ranked[0].2, ranked[2].2);
    let places: Vec<(u32, &str)> = ranked.iter().map(|(rank, bid, _)| (*rank, bid.as_str())).collect();
    assert_eq!(places, [(1, "b2"), (1, "b3"), (3, "b1")]);
    let parted = recompute(&inputs).unwrap().rows[2].parted_by;
    assert_eq!(parted, Some(TieRule::LowerPrice));
}

#[test]
fn e15_where_the_document_asks_for_a_draw_equals_wait_for_it_and_anyone_can_repeat_it() {
    let mut inputs = works(&[5_000_000, 5_000_000, 4_000_000]);
    assert_eq!(recompute(&inputs), Err(Refusal::TieNeedsDraw { bids: "b1, b2".into() }));
    inputs.tie_seed = Some("c3VuYmlk".into());
    let first = recompute(&inputs).unwrap();
    assert_eq!(recompute(&inputs).unwrap(), first);
    assert!(first.rows.iter().any(|row| row.parted_by == Some(TieRule::Draw)));
    // HMAC-SHA-256 of "sunbid/tie/1\nDEMO-0001\n1\nb1" and …b2 under the key "sunbid", by Python's hmac
    let order: Vec<&str> = first.rows.iter().map(|row| row.bid.as_str()).filter(|bid| *bid != "b3").collect();
    assert_eq!(order, TIE_ORDER);
}

#[test]
fn e16_three_receipts_and_one_undecryptable_bid_leave_two_to_be_judged() {
    let mut inputs = works(&[5_000_000, 4_800_000]);
    inputs.bids_at_deadline = 3;
    inputs.reviews = (1..=5).map(|i| review(&inputs, &format!("m{i}"), &[])).collect();
    assert_eq!(recompute(&inputs), Err(Refusal::CompetitionUndecided { left: 2 }));
    let word = |enough| Some(Competition { enough, reason: "two full offers".into() });
    inputs.competition = word(StillCompetes::Yes);
    score_all(&mut inputs);
    let ranking = recompute(&inputs).unwrap();
    assert_eq!((ranking.conclusion, ranking.rows.len()), (Conclusion::Ranked, 2));
    inputs.competition = word(StillCompetes::No);
    assert_eq!(recompute(&inputs).unwrap().conclusion, Conclusion::NoCompetition);
}

#[test]
fn e16_two_receipts_at_the_deadline_end_it_before_anything_is_judged() {
    let mut inputs = works(&[5_000_000, 4_800_000]);
    inputs.competition = None;
    let ranking = recompute(&inputs).unwrap();
    assert_eq!(ranking.conclusion, Conclusion::TooFewAtDeadline);
    assert!(ranking.rows.is_empty() && ranking.rejected.is_empty());
}

#[test]
fn in_procurement_fewer_than_three_responsive_bids_void_the_tender() {
    let method = Method::from_toml(PROCUREMENT).unwrap();
    let mut inputs = inputs(method, System::GovernmentProcurement, &[950_000, 940_000, 930_000]);
    inputs.ceiling = None;
    for i in 1..=5 {
        inputs.reviews[i - 1] = review(&inputs, &format!("m{i}"), &[("b1", "complete")]);
    }
    let ranking = recompute(&inputs).unwrap();
    assert_eq!(ranking.conclusion, Conclusion::TooFewResponsive);
    assert_eq!(ranking.rejected["b1"][0].article, "mof87_63_6");
}

#[test]
fn in_tendering_the_rejection_of_all_ends_it() {
    let mut inputs = works(&[5_000_000, 4_800_000, 4_700_000]);
    let all = [("b1", "signed"), ("b2", "signed"), ("b3", "signed")];
    inputs.reviews = (1..=5).map(|i| review(&inputs, &format!("m{i}"), &all)).collect();
    let ranking = recompute(&inputs).unwrap();
    assert_eq!((ranking.conclusion, ranking.rejected.len()), (Conclusion::AllRejected, 3));
}

#[test]
fn a_price_above_the_ceiling_is_rejected_without_a_vote() {
    let mut inputs = works(&[10_000_001, 9_900_000, 9_800_000, 10_000_000]);
    score_all(&mut inputs);
    let ranking = recompute(&inputs).unwrap();
    assert_eq!(ranking.rejected.keys().collect::<Vec<_>>(), ["b1"]);
    assert_eq!(ranking.rejected["b1"][0].ground, Ground::AboveCeiling);
}

#[test]
fn a_corrected_price_needs_the_bidders_answer_and_a_refusal_rejects() {
    let mut inputs = works(&E4_BIDS);
    inputs.bids[0].statement = Some(PriceStatement {
        body: Some(yuan(9_800_000)),
        words: Some("玖佰柒拾万元整".into()),
        ..PriceStatement::default()
    });
    assert_eq!(recompute(&inputs), Err(Refusal::CorrectionUnanswered { bid: "b1".into() }));
    inputs.bids[0].correction = Some(CorrectionAnswer::Confirmed);
    let ranking = recompute(&inputs).unwrap();
    let row = ranking.rows.iter().find(|row| row.bid == "b1").unwrap();
    assert_eq!(row.price, yuan(9_700_000));
    // the base was frozen at the opening, at the price read out
    assert_eq!(ranking.working.unwrap().dropped_high, [yuan(9_800_000)]);
    inputs.bids[0].correction = Some(CorrectionAnswer::Refused);
    score_all(&mut inputs);
    assert_eq!(recompute(&inputs).unwrap().rejected["b1"][0].ground, Ground::CorrectionRefused);
}

#[test]
fn a_low_price_waits_for_the_committees_reasoned_decision() {
    let method = Method::from_toml(PROCUREMENT).unwrap();
    let mut inputs = inputs(method, System::GovernmentProcurement, &[1_000_000, 960_000, 940_000, 420_000]);
    inputs.ceiling = Some(yuan(1_000_000));
    assert_eq!(recompute(&inputs), Err(Refusal::AbnormalUndecided { bid: "b4".into() }));
    let decide = |decision, reason: &str| LowPriceDecision {
        bid: "b4".into(),
        explanation: "old stock".into(),
        decision,
        reason: reason.into(),
    };
    inputs.low_prices = vec![decide(LowPrice::Rejected, " ")];
    assert!(matches!(recompute(&inputs), Err(Refusal::ReasonMissing { .. })));
    inputs.low_prices = vec![decide(LowPrice::Rejected, "no proof of stock")];
    score_all(&mut inputs);
    let ranking = recompute(&inputs).unwrap();
    assert_eq!(ranking.rejected["b4"][0].ground, Ground::TooLow);
    assert_eq!(ranking.lowest, Some(exact("940000")));
    inputs.low_prices = vec![decide(LowPrice::Accepted, "invoices seen")];
    score_all(&mut inputs);
    assert_eq!(recompute(&inputs).unwrap().lowest, Some(exact("420000")));
}

#[test]
fn e6_as_a_whole_evaluation_z_wins_at_its_own_price() {
    let method = Method::from_toml(LOWEST).unwrap();
    let mut inputs = inputs(method, System::Tendering, &[5_000_000, 4_950_000, 5_030_000]);
    let extra = |what: &str, amount| Adjustment { what: what.into(), amount: yuan(amount) };
    inputs.bids[0].adjustments = vec![extra("late delivery", 50_000), extra("payment terms", 30_000)];
    inputs.bids[1].adjustments = vec![extra("late delivery", 150_000)];
    let ranking = recompute(&inputs).unwrap();
    assert_eq!(ranking.candidates, ["b3", "b1", "b2"]);
    assert_eq!(ranking.rows[0].price, yuan(5_030_000));
    assert_eq!(ranking.rows[0].total, None);
}

#[test]
fn methods_that_do_not_add_up_are_refused_by_the_name_of_the_part() {
    let part = |from: &str, to: &str| {
        let text = WORKS.replace(from, to);
        assert_ne!(text, WORKS, "{from} occurs");
        match Method::from_toml(&text) {
            Err(Refusal::Method { what }) => what,
            other => panic!("{from} -> {to}: {other:?}"),
        }
    };
    assert_eq!(part("weight = \"60\"", "weight = \"50\""), "weights");
    assert_eq!(part("weight = \"60\"", "weight = 60"), "format");
    assert_eq!(part("candidates_max = 3", "candidates_max = 4"), "candidates_max");
    assert_eq!(part("money = 2", "money = 3"), "precision");
    assert_eq!(part("id = \"plan\"", "id = \"firm\""), "items");
    assert_eq!(part("floor = \"0\"", "floor = \"61\""), "price.deviation");
    assert_eq!(part("choices = [\"0.01\", \"0.02\", \"0.03\"]", "choices = [\"0.01\"]"), "price.base");
    assert_eq!(part("high = 1", "high = 6"), "price.trim");
    assert_eq!(part("ties = [", "sunshine = 1\nties = ["), "format");
    let method = Method::from_toml(WORKS).unwrap();
    assert_eq!(Method::from_jcs(&crate::platform::canonical::jcs(&method)).unwrap(), method);
    assert_eq!(method.to_draw().len(), 1);
    assert!(matches!(method.price, Price::Benchmark { .. }));
}

/// See `e15_where_the_document_asks_for_a_draw…`.
const TIE_ORDER: [&str; 2] = ["b2", "b1"];
