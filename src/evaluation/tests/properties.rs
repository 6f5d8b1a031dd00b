//! What holds for every input.

use super::story::works;
use super::worked_examples::{PRECISION, exact};
use crate::evaluation::capital_amount;
use crate::evaluation::decimal::Exact;
use crate::evaluation::method::{Deductions, Deviation};
use crate::evaluation::price_score::{Enterprise, PricedBid, Scale, benchmark, lowest_price};
use crate::evaluation::ranking::Row;
use crate::evaluation::report::recompute;
use crate::platform::canonical::jcs;
use crate::platform::money::Fen;
use proptest::prelude::*;
use rust_decimal::Decimal;

fn priced(prices: &[i64]) -> Vec<PricedBid> {
    let bid = |(i, &price): (usize, &i64)| PricedBid {
        bid: format!("b{i}"),
        price: Fen(price).yuan(),
        enterprise: Enterprise::Ordinary,
    };
    prices.iter().enumerate().map(bid).collect()
}

fn scale() -> Scale {
    let deviation = Deviation { above: exact("1.0"), below: exact("0.5"), floor: exact("12.5") };
    Scale { weight: exact("60"), deviation, bonus: None, precision: PRECISION }
}

/// Prices from one fen to a hundred billion yuan.
fn prices() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(1_i64..10_000_000_000_000, 1..30)
}

proptest! {
    #[test]
    fn the_order_of_bids_never_matters(prices in prop::collection::vec(1_000_000_i64..9_999_999, 3..12), turn in 0_usize..12) {
        let mut inputs = works(&prices);
        inputs.tie_seed = Some("c3VuYmlk".into());
        let straight = recompute(&inputs).unwrap();
        let by = turn % inputs.bids.len();
        inputs.bids.rotate_left(by);
        inputs.sheets.reverse();
        inputs.reviews.rotate_left(by % 5);
        inputs.seats.reverse();
        prop_assert_eq!(jcs(&recompute(&inputs).unwrap()), jcs(&straight));
    }

    #[test]
    fn lowest_price_scores_are_bounded_and_the_lowest_gets_all(prices in prices()) {
        let (base, lines) = lowest_price(&priced(&prices), exact("30"), &Deductions::NONE, &PRECISION).unwrap();
        let lowest = prices.iter().min().unwrap();
        prop_assert_eq!(base, Exact(Fen(*lowest).yuan()));
        for (line, price) in lines.iter().zip(&prices) {
            let score = line.score.unwrap();
            prop_assert!(score >= exact("0") && score <= exact("30"));
            prop_assert_eq!(score == exact("30") || price > lowest, true);
            prop_assert!(price != lowest || score == exact("30"));
        }
    }

    #[test]
    fn a_lower_price_never_scores_less_by_the_lowest_price_formula(prices in prices()) {
        let (_, lines) = lowest_price(&priced(&prices), exact("30"), &Deductions::NONE, &PRECISION).unwrap();
        let mut pairs: Vec<(i64, Exact)> = prices.iter().copied().zip(lines.iter().filter_map(|line| line.score)).collect();
        pairs.sort_unstable();
        prop_assert!(pairs.windows(2).all(|pair| pair[0].1 >= pair[1].1));
    }

    #[test]
    fn benchmark_scores_are_bounded_and_fall_with_distance_on_each_side(prices in prices(), base in 1_i64..10_000_000_000_000) {
        let base = Exact(Fen(base).yuan());
        let lines = benchmark(&priced(&prices), base, &scale()).unwrap();
        let mut above: Vec<(Decimal, Decimal)> = Vec::new();
        let mut below: Vec<(Decimal, Decimal)> = Vec::new();
        for line in &lines {
            let score = line.score.unwrap().0;
            prop_assert!(score >= exact("12.5").0 && score <= exact("60").0);
            let side = if line.compared.0 > base.0 { &mut above } else { &mut below };
            side.push(((line.compared.0 - base.0).abs(), score));
        }
        for side in [&mut above, &mut below] {
            side.sort_unstable();
            prop_assert!(side.windows(2).all(|pair| pair[0].1 >= pair[1].1));
        }
    }

    #[test]
    fn ranks_follow_totals_and_start_at_one(prices in prop::collection::vec(1_000_000_i64..9_999_999, 3..12)) {
        let mut inputs = works(&prices);
        inputs.tie_seed = Some("c3VuYmlk".into());
        let rows: Vec<Row> = recompute(&inputs).unwrap().rows;
        let ranks: Vec<u32> = rows.iter().map(|row| row.rank).collect();
        prop_assert_eq!(ranks, (1..=u32::try_from(prices.len()).unwrap()).collect::<Vec<_>>());
        prop_assert!(rows.windows(2).all(|pair| pair[0].total >= pair[1].total));
    }

    #[test]
    fn every_amount_survives_being_written_in_words(fen in 0_i64..100_000_000_000_000) {
        let words = capital_amount::write(Fen(fen)).unwrap();
        prop_assert_eq!(capital_amount::parse(&words), Some(Fen(fen)), "{}", words);
    }

    #[test]
    fn reading_an_amount_never_panics(text in "[零壹贰叁肆伍陆柒捌玖拾佰仟万亿元角分整]{0,40}") {
        let _ = capital_amount::parse(&text);
    }
}
