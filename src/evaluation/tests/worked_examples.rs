//! The worked examples: numbers that a person has computed, to the last digit.

use crate::evaluation::abnormal::{self, Sign};
use crate::evaluation::arithmetic::{CorrectionRule, PriceStatement, StatementLine, correct};
use crate::evaluation::benchmark::{self, Working};
use crate::evaluation::capital_amount;
use crate::evaluation::committee::{
    self, CommitteeConditions, CommitteeRule, Interest, Seat, SeatKind, Tie, check_avoidance,
};
use crate::evaluation::decimal::{Exact, mean, quotient, rounded};
use crate::evaluation::method::{
    AbnormalRule, AboveWeight, Band, Base, Coefficient, CutTies, Deductions, Deviation, Precision,
    SmallBonus, Trim, TrimStep,
};
use crate::evaluation::price_score::{self, Enterprise, PriceLine, PricedBid, Scale};
use crate::evaluation::rules::{Refusal, System};
use crate::platform::money::Fen;
use crate::project::rulebook::{Rulebook, RulebookId};
use crate::project::terms::CommitteePlan;
use std::collections::BTreeMap;

pub const PRECISION: Precision = Precision { money: 2, deviation: 4, score: 2 };
pub const E4_BIDS: [i64; 7] = [9_800_000, 9_600_000, 9_450_000, 9_300_000, 9_200_000, 9_050_000, 8_700_000];

pub fn exact(text: &str) -> Exact {
    Exact::parse(text).unwrap()
}

pub fn yuan(yuan: i64) -> Fen {
    Fen(yuan * 100)
}

fn bids(prices: &[(i64, Enterprise)]) -> Vec<PricedBid> {
    let bid = |(i, &(price, enterprise)): (usize, &(i64, Enterprise))| PricedBid {
        bid: format!("b{i}"),
        price: yuan(price).yuan(),
        enterprise,
    };
    prices.iter().enumerate().map(bid).collect()
}

fn ordinary(prices: &[i64]) -> Vec<PricedBid> {
    bids(&prices.iter().map(|&price| (price, Enterprise::Ordinary)).collect::<Vec<_>>())
}

fn scores(lines: &[PriceLine]) -> Vec<String> {
    lines.iter().map(|line| line.score.unwrap().to_string()).collect()
}

fn drop_one_each_from_seven() -> Trim {
    Trim::Steps { steps: vec![TrimStep { from_bids: 7, high: 1, low: 1 }] }
}

fn fixed(value: &str) -> Coefficient {
    Coefficient::Fixed { value: exact(value) }
}

fn e4_scale() -> Scale {
    let deviation = Deviation { above: exact("1.0"), below: exact("0.5"), floor: exact("0") };
    Scale { weight: exact("60"), deviation, bonus: None, precision: PRECISION }
}

fn base_of(formula: &Base, prices: &[i64], ceiling: Option<i64>) -> Result<Working, Refusal> {
    let prices: Vec<Fen> = prices.iter().map(|&price| yuan(price)).collect();
    benchmark::base(formula, None, &prices, ceiling.map(yuan), &BTreeMap::new(), &PRECISION)
}

#[test]
fn e1_the_lowest_price_earns_the_full_weight_and_others_their_share() {
    let (base, lines) = price_score::lowest_price(
        &ordinary(&[950_000, 1_000_000, 880_000]),
        exact("30"),
        &Deductions::NONE,
        &PRECISION,
    )
    .unwrap();
    assert_eq!(base, exact("880000"));
    assert_eq!(scores(&lines), ["27.79", "26.40", "30.00"]);
}

#[test]
fn e2_small_enterprises_are_compared_at_a_deducted_price() {
    let bids = bids(&[
        (960_000, Enterprise::Small),
        (900_000, Enterprise::Consortium),
        (880_000, Enterprise::Ordinary),
        (1_020_000, Enterprise::Ordinary),
    ]);
    let deductions = Deductions { small: exact("0.10"), consortium: exact("0.04") };
    let (base, lines) = price_score::lowest_price(&bids, exact("30"), &deductions, &PRECISION).unwrap();
    assert_eq!(base, exact("864000"));
    let compared: Vec<String> = lines.iter().map(|line| line.compared.to_string()).collect();
    assert_eq!(compared, ["864000.00", "864000.00", "880000.00", "1020000.00"]);
    assert_eq!(scores(&lines), ["30.00", "30.00", "29.45", "25.41"]);
}

#[test]
fn e2b_in_works_a_small_enterprise_gets_a_share_of_its_own_price_score_on_top() {
    // 5.68 points are lost, so that the score before the bonus is 54.32
    let mut scale = e4_scale();
    scale.bonus = Some(SmallBonus {
        small: exact("0.04"),
        consortium: exact("0.01"),
        above_weight: AboveWeight::Capped,
    });
    let bid = |enterprise| vec![PricedBid { bid: "a".into(), price: yuan(105_680).yuan(), enterprise }];
    let score =
        |enterprise| scores(&price_score::benchmark(&bid(enterprise), exact("100000"), &scale).unwrap());
    assert_eq!(score(Enterprise::Ordinary), ["54.32"]);
    assert_eq!(score(Enterprise::Small), ["56.49"]);
    assert_eq!(score(Enterprise::Consortium), ["54.86"]);
}

#[test]
fn e3_consultation_uses_the_same_formula_on_the_final_quotes() {
    let quotes = ordinary(&[455_000, 480_000, 500_000]);
    let (_, lines) = price_score::lowest_price(&quotes, exact("20"), &Deductions::NONE, &PRECISION).unwrap();
    assert_eq!(scores(&lines), ["20.00", "18.96", "18.20"]);
}

#[test]
fn e4_seven_bids_against_a_trimmed_mean_floated_down_by_three_percent() {
    let formula = Base::FloatDown { trim: drop_one_each_from_seven(), k: fixed("0.03") };
    let working = base_of(&formula, &E4_BIDS, None).unwrap();
    assert_eq!(working.dropped_high, [yuan(9_800_000)]);
    assert_eq!(working.dropped_low, [yuan(8_700_000)]);
    assert_eq!(working.mean.to_string(), "9320000.00");
    assert_eq!(working.base.to_string(), "9040400.00");
    let lines = price_score::benchmark(&ordinary(&E4_BIDS), working.base, &e4_scale()).unwrap();
    let deviations: Vec<String> = lines.iter().map(|line| line.deviation.unwrap().to_string()).collect();
    assert_eq!(deviations, ["8.4023", "6.1900", "4.5308", "2.8716", "1.7654", "0.1062", "-3.7653"]);
    assert_eq!(scores(&lines), ["51.60", "53.81", "55.47", "57.13", "58.23", "59.89", "58.12"]);
}

#[test]
fn e4b_three_bids_are_too_few_to_trim() {
    let formula = Base::FloatDown { trim: drop_one_each_from_seven(), k: fixed("0.03") };
    let prices = [5_000_000, 4_800_000, 4_900_000];
    let working = base_of(&formula, &prices, None).unwrap();
    assert_eq!(working.kept.len(), 3);
    assert_eq!((working.mean, working.base), (exact("4900000"), exact("4753000")));
    let lines = price_score::benchmark(&ordinary(&prices), working.base, &e4_scale()).unwrap();
    assert_eq!(scores(&lines), ["54.80", "59.01", "56.91"]);
}

#[test]
fn e4c_a_fifth_on_each_side_is_rounded_half_up() {
    for (bids, dropped) in [(7, 1), (8, 2), (10, 2), (12, 2), (13, 3)] {
        assert_eq!(benchmark::share_of(exact("0.2"), bids), dropped, "{bids} bids");
    }
}

#[test]
fn prices_equal_to_the_last_one_cut_are_all_kept_where_the_document_says_so() {
    let share = |ties| Trim::Share { from_bids: 7, share: exact("0.2"), ties };
    let sorted = [1, 1, 2, 3, 4, 5, 6, 6].map(yuan);
    assert_eq!(benchmark::cut(&share(CutTies::Dropped), &sorted), (2, 2));
    assert_eq!(benchmark::cut(&share(CutTies::Kept), &sorted), (2, 2));
    let edge = [1, 2, 2, 3, 4, 5, 5, 5].map(yuan);
    assert_eq!(benchmark::cut(&share(CutTies::Dropped), &edge), (2, 2));
    assert_eq!(benchmark::cut(&share(CutTies::Kept), &edge), (1, 0));
    assert_eq!(benchmark::cut(&share(CutTies::Kept), &edge[..6]), (0, 0), "too few to trim");
}

#[test]
fn e5_a_composite_base_changes_the_winner() {
    let formula = Base::Composite {
        trim: drop_one_each_from_seven(),
        k1: fixed("0.97"),
        k2: fixed("0.95"),
        q: fixed("0.65"),
    };
    let working = base_of(&formula, &E4_BIDS, Some(10_000_000)).unwrap();
    assert_eq!(working.base.to_string(), "9201260.00");
    let lines = price_score::benchmark(&ordinary(&E4_BIDS), working.base, &e4_scale()).unwrap();
    assert_eq!(scores(&lines), ["53.49", "55.67", "57.30", "58.93", "59.99", "59.18", "57.28"]);
    assert_eq!(base_of(&formula, &E4_BIDS, None), Err(Refusal::Method { what: "ceiling" }));
}

#[test]
fn b2_multiplies_the_mean_by_a_drawn_coefficient_that_must_be_one_of_the_choices() {
    let choices = ["0.96", "0.97", "0.98"].map(exact).to_vec();
    let formula = Base::Factor {
        trim: drop_one_each_from_seven(),
        k: Coefficient::Drawn { name: "K".into(), choices },
    };
    let prices: Vec<Fen> = E4_BIDS.map(yuan).to_vec();
    let with = |drawn: &[(&str, &str)]| {
        let drawn = drawn.iter().map(|(name, value)| ((*name).to_owned(), exact(value))).collect();
        benchmark::base(&formula, None, &prices, None, &drawn, &PRECISION)
    };
    assert_eq!(with(&[("K", "0.97")]).unwrap().base.to_string(), "9040400.00");
    assert_eq!(with(&[("K", "0.98")]).unwrap().base.to_string(), "9133600.00");
    let missing = Err(Refusal::Coefficient { name: "K".into() });
    assert_eq!(with(&[("K", "0.95")]), missing);
    assert_eq!(with(&[]), missing);
}

#[test]
fn prices_outside_the_band_do_not_enter_the_base() {
    let formula = Base::Factor { trim: Trim::Steps { steps: Vec::new() }, k: fixed("1") };
    let band = Band { least: exact("0.87"), most: exact("0.95") };
    let prices: Vec<Fen> = E4_BIDS.map(yuan).to_vec();
    let ceiling = Some(yuan(10_000_000));
    let working =
        benchmark::base(&formula, Some(&band), &prices, ceiling, &BTreeMap::new(), &PRECISION).unwrap();
    // the edges count: 8.7 million is exactly 87 percent
    assert_eq!(working.outside_band, [yuan(9_600_000), yuan(9_800_000)]);
    assert_eq!(working.kept.len(), 5);
    assert_eq!(working.mean, exact("9140000"));
}

#[test]
fn e6_the_lowest_evaluated_price_wins_and_is_not_the_lowest_price() {
    let evaluated = |price, extra: &[i64]| {
        price_score::evaluated_price(yuan(price), &extra.iter().map(|&e| yuan(e)).collect::<Vec<_>>())
    };
    let x = evaluated(5_000_000, &[50_000, 30_000]).unwrap();
    let y = evaluated(4_950_000, &[150_000]).unwrap();
    let z = evaluated(5_030_000, &[]).unwrap();
    assert_eq!([x, y, z], [yuan(5_080_000), yuan(5_100_000), yuan(5_030_000)]);
    assert!(z < x && x < y);
}

fn line(quantity: &str, unit_price: &str, total: i64) -> StatementLine {
    let (quantity, unit_price) = (exact(quantity), exact(unit_price));
    StatementLine { name: "cable".into(), quantity, unit_price, total: yuan(total) }
}

#[test]
fn e7_the_opening_table_rules_over_the_body_in_procurement() {
    let statement = PriceStatement {
        opening_table: Some(yuan(1_200_000)),
        body: Some(yuan(1_250_000)),
        ..PriceStatement::default()
    };
    let corrected = correct(&statement, System::GovernmentProcurement).unwrap();
    assert_eq!(corrected.total, yuan(1_200_000));
    assert_eq!(corrected.corrections[0].rule, CorrectionRule::OpeningTable);
    assert_eq!(
        (corrected.corrections[0].from.as_str(), corrected.corrections[0].to.as_str()),
        ("1250000.00", "1200000.00")
    );
}

#[test]
fn e7_words_rule_over_figures() {
    let statement = PriceStatement {
        body: Some(yuan(1_020_000)),
        words: Some("壹佰贰拾万元".into()),
        ..PriceStatement::default()
    };
    for system in [System::GovernmentProcurement, System::Tendering] {
        let corrected = correct(&statement, system).unwrap();
        assert_eq!(corrected.total, yuan(1_200_000));
        assert_eq!(corrected.corrections[0].rule, CorrectionRule::Words);
    }
    let unreadable = PriceStatement { words: Some("约一百万".into()), ..statement };
    assert!(matches!(correct(&unreadable, System::Tendering), Err(Refusal::AmountUnreadable { .. })));
}

#[test]
fn e7_the_unit_price_rules_over_the_total() {
    let statement = PriceStatement {
        body: Some(yuan(11_000)),
        lines: vec![line("100", "120.00", 11_000)],
        ..PriceStatement::default()
    };
    let corrected = correct(&statement, System::GovernmentProcurement).unwrap();
    assert_eq!(corrected.total, yuan(12_000));
    let rules: Vec<CorrectionRule> = corrected.corrections.iter().map(|step| step.rule).collect();
    assert_eq!(rules, [CorrectionRule::UnitPrice, CorrectionRule::LineSum]);
}

#[test]
fn e7_a_misplaced_point_in_the_unit_price_is_mended_and_the_total_rules() {
    let statement = PriceStatement {
        body: Some(yuan(12_000)),
        lines: vec![line("100", "1.20", 12_000)],
        ..PriceStatement::default()
    };
    let corrected = correct(&statement, System::GovernmentProcurement).unwrap();
    assert_eq!(corrected.total, yuan(12_000));
    assert_eq!(corrected.corrections.len(), 1);
    assert_eq!(corrected.corrections[0].rule, CorrectionRule::MisplacedPoint);
    assert_eq!(corrected.corrections[0].to, "120.00");
}

#[test]
fn a_sound_price_statement_is_not_touched() {
    let statement = PriceStatement {
        opening_table: Some(yuan(12_000)),
        body: Some(yuan(12_000)),
        words: Some("人民币壹万贰仟元整".into()),
        lines: vec![line("100", "120", 12_000)],
    };
    for system in [System::GovernmentProcurement, System::Tendering] {
        let corrected = correct(&statement, system).unwrap();
        assert_eq!((corrected.total, corrected.corrections.len()), (yuan(12_000), 0));
    }
    let silent = PriceStatement::default();
    assert_eq!(correct(&silent, System::Tendering), Err(Refusal::PriceStatement));
}

#[test]
fn formal_numerals_are_read_and_written() {
    for (fen, words) in [
        (120_000_000, "壹佰贰拾万元整"),
        (0, "零元整"),
        (1, "零元壹分"),
        (10, "零元壹角整"),
        (101, "壹元零壹分"),
        (1_000_000_100, "壹仟万零壹元整"),
        (100_010_000, "壹佰万零壹佰元整"),
        (10_000_000_000, "壹亿元整"),
        (10_000_000_100, "壹亿零壹元整"),
        (932_000_045, "玖佰叁拾贰万元肆角伍分"),
        (90_500_000_000, "玖亿零伍佰万元整"),
    ] {
        let amount = Fen(fen);
        let written = capital_amount::write(amount).unwrap();
        assert_eq!(capital_amount::parse(&written), Some(amount), "{written}");
        assert_eq!(capital_amount::parse(words), Some(amount), "{words}");
    }
    assert_eq!(capital_amount::write(yuan(1_200_000)).unwrap(), "壹佰贰拾万元整");
    for nonsense in ["", "元", "元整", "万元", "壹贰元", "壹佰贰拾万", "拾佰元", "100元", "负壹元"]
    {
        assert_eq!(capital_amount::parse(nonsense), None, "{nonsense}");
    }
}

#[test]
fn e8_an_abnormally_low_price_is_found_by_two_of_three_signs() {
    let prices: Vec<(String, Fen)> = [("a", 1_000_000), ("b", 960_000), ("c", 940_000), ("d", 420_000)]
        .iter()
        .map(|(bid, price)| ((*bid).to_owned(), yuan(*price)))
        .collect();
    let rule =
        AbnormalRule { of_mean: exact("0.5"), of_next_lowest: exact("0.5"), of_ceiling: exact("0.45") };
    let found = abnormal::findings(&prices, Some(yuan(1_000_000)), &rule).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].bid, "d");
    // 420,000 is above half of the mean 830,000
    assert_eq!(found[0].signs, [Sign::BelowNextLowest, Sign::BelowCeiling]);
    let without_ceiling = abnormal::findings(&prices, None, &rule).unwrap();
    assert_eq!(without_ceiling[0].signs, [Sign::BelowNextLowest]);
}

#[test]
fn a_price_exactly_at_half_of_the_next_is_not_below_it() {
    let prices =
        vec![("a".to_owned(), yuan(1_000)), ("b".to_owned(), yuan(500)), ("c".to_owned(), yuan(1_000))];
    let rule = AbnormalRule { of_mean: exact("0"), of_next_lowest: exact("0.5"), of_ceiling: exact("0") };
    assert_eq!(abnormal::findings(&prices, None, &rule).unwrap(), []);
}

fn seats(experts: usize, representatives: usize) -> Vec<Seat> {
    let seat = |i, kind| Seat { member: format!("m{i}"), kind, leader: i == 0 };
    let expert = (0..experts).map(|i| seat(i, SeatKind::Expert));
    expert.chain((experts..experts + representatives).map(|i| seat(i, SeatKind::Representative))).collect()
}

const FIVE: CommitteeRule = CommitteeRule { least: 5, experts_of: 2, experts_per: 3 };

#[test]
fn e12_two_thirds_of_the_members_are_experts_rounded_up() {
    for (size, least) in [(5, 4), (7, 5), (9, 6), (3, 2)] {
        assert_eq!(committee::experts_least(size, &FIVE), least, "of {size}");
    }
    assert_eq!(committee::check(&seats(4, 1), &FIVE), Ok(()));
    assert_eq!(committee::check(&seats(5, 0), &FIVE), Ok(()));
    let few = committee::check(&seats(3, 2), &FIVE);
    assert_eq!(few, Err(Refusal::CommitteeTooFewExperts { experts: 3, least: 4 }));
}

#[test]
fn e12_even_and_small_committees_are_refused() {
    assert_eq!(committee::check(&seats(5, 1), &FIVE), Err(Refusal::CommitteeEven { size: 6 }));
    assert_eq!(committee::check(&seats(3, 0), &FIVE), Err(Refusal::CommitteeTooSmall { size: 3, least: 5 }));
    let seven = CommitteeRule { least: 7, ..FIVE };
    assert_eq!(committee::check(&seats(5, 0), &seven), Err(Refusal::CommitteeTooSmall { size: 5, least: 7 }));
    assert_eq!(committee::check(&seats(5, 2), &seven), Ok(()));
}

#[test]
fn the_rulebooks_ask_for_five_members_and_for_seven_from_ten_million_in_procurement() {
    let rule = |id: &str, budget: i64| {
        let book = Rulebook::find(&RulebookId::parse(id).unwrap()).unwrap();
        CommitteeRule::of(book, yuan(budget))
    };
    assert_eq!(rule("works-open-2026", 500_000_000), FIVE);
    assert_eq!(rule("procurement-open-2026", 9_999_999), FIVE);
    assert_eq!(rule("procurement-open-2026", 10_000_000).least, 7);
}

#[test]
fn any_one_condition_asks_for_the_larger_committee() {
    let none = CommitteeConditions::default();
    assert_eq!(none.least(5, 7), 5);
    assert_eq!(CommitteeConditions { large_budget: true, ..none }.least(5, 7), 7);
    assert_eq!(CommitteeConditions { complex: true, ..none }.least(5, 7), 7);
    assert_eq!(CommitteeConditions { influence: true, ..none }.least(5, 7), 7);
}

#[test]
fn nobody_sits_twice_or_judges_an_organisation_they_are_tied_to() {
    let mut twice = seats(5, 0);
    twice[4].member = "m0".into();
    let refused = committee::check(&twice, &FIVE);
    assert_eq!(refused, Err(Refusal::CommitteeSamePersonTwice { person: "m0".into() }));
    let tie = Tie { member: "m2".into(), organisation: "91370200X".into(), interest: Interest::Relative };
    let bidders = ["91370200Y".to_owned(), "91370200X".to_owned()];
    let conflict = Refusal::CommitteeConflict { member: "m2".into(), interest: Interest::Relative };
    assert_eq!(check_avoidance(std::slice::from_ref(&tie), &bidders), Err(conflict));
    assert_eq!(check_avoidance(&[tie], &bidders[..1]), Ok(()));
}

#[test]
fn the_committee_is_the_one_that_the_documents_announced() {
    let plan = |size, experts| CommitteePlan { size, experts };
    assert_eq!(committee::check_plan(&seats(5, 2), plan(7, 5)), Ok(()));
    assert_eq!(
        committee::check_plan(&seats(6, 1), plan(7, 5)),
        Ok(()),
        "more experts than announced do no harm"
    );
    let small = Refusal::CommitteeNotAsAnnounced { size: 5, planned: 7 };
    assert_eq!(committee::check_plan(&seats(5, 0), plan(7, 5)), Err(small));
    let large = Refusal::CommitteeNotAsAnnounced { size: 7, planned: 5 };
    assert_eq!(committee::check_plan(&seats(5, 2), plan(5, 4)), Err(large));
    let few = Refusal::CommitteeFewerExperts { experts: 5, planned: 6 };
    assert_eq!(committee::check_plan(&seats(5, 2), plan(7, 6)), Err(few));
}

#[test]
fn rounding_is_half_up_on_the_magnitude_and_happens_once() {
    for (value, places, want) in [
        ("0.005", 2, "0.01"),
        ("-0.005", 2, "-0.01"),
        ("0.00499", 2, "0.00"),
        ("-0.004", 2, "0.00"),
        ("2", 2, "2.00"),
    ] {
        assert_eq!(rounded(exact(value).0, places).to_string(), want);
    }
    // 0.0049999… is not rounded to 0.005 first and 0.01 after
    let third = quotient(exact("0.0149999999999999999").0, exact("3").0, 2).unwrap();
    assert_eq!(third.to_string(), "0.00");
    assert_eq!(quotient(exact("-1").0, exact("200").0, 2).unwrap().to_string(), "-0.01");
    assert_eq!(quotient(exact("1").0, exact("0").0, 2), None);
    assert_eq!(mean(&[], 2), None);
}

#[test]
fn decimals_in_documents_are_plain_text() {
    for good in ["0", "12", "-0.5", "51.60", "0.000001"] {
        assert_eq!(Exact::parse(good).unwrap().to_string(), good);
    }
    for bad in ["", "-", ".5", "5.", "1e3", "1,000", " 1", "+1", "１", "0x1", "1234567890123456789012345"] {
        assert_eq!(Exact::parse(bad), None, "{bad}");
    }
    assert!(serde_json::from_str::<Exact>("0.97").is_err(), "a JSON number is not a decimal");
    assert_eq!(serde_json::from_str::<Exact>("\"0.97\"").unwrap(), exact("0.97"));
}
