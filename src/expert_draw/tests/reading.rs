//! Reading a pool file and a public value.

use super::*;
use crate::expert_draw::pool::{BadPool, BadRowReason, Standing, read};
use crate::expert_draw::public_value::{
    Agreement, BadPublicValue, agreement, quicknet_round_from, quicknet_time,
};
use crate::platform::moment::SECOND;
use std::collections::BTreeMap;

const HEADER: &str =
    "registry_id,name,specialities,employer,region,status,phone,former_employers,avoid_units\n";

#[test]
fn a_pool_is_read_with_english_or_chinese_headings_and_with_or_without_a_mark() {
    let rows = "E2,李四,A080201；A0901,\"乙公司, 分部\",210200,正常,0411-88881234,丙公司@2024-05-31;丁公司@2020-01-01,戊公司\n\
                E1,张三,A08,甲公司,210200,suspended,,,\n";
    let english = read(format!("{HEADER}{rows}").as_bytes()).unwrap();
    let chinese = "专家编号,姓名,专业代码,工作单位,地区,状态,电话,曾任职单位,回避单位\n";
    let marked = read(format!("\u{feff}{chinese}{rows}").as_bytes()).unwrap();
    assert_eq!(english, marked);
    assert_eq!(english.bad_row_count, 0);
    let [first, second] = english.experts.as_slice() else { panic!("{english:?}") };
    assert_eq!((first.registry_id.as_str(), first.standing), ("E1", Standing::Suspended));
    assert_eq!(second.specialities, ["A080201", "A0901"]);
    assert_eq!(second.employer, "乙公司, 分部");
    assert_eq!(second.former_employers[0].until.to_string(), "2024-05-31");
    assert_eq!(second.avoid_units, ["戊公司"]);
}

#[test]
fn a_short_file_without_the_optional_columns_is_enough() {
    let import =
        read(b"name,registry_id,specialities,employer,region,status\nZhang,E1,A08,Unit,210200,active\n")
            .unwrap();
    assert_eq!(import.experts.len(), 1);
}

#[test]
fn bad_rows_are_listed_with_line_and_reason_and_the_others_are_kept() {
    let good = "E1,张三,A08,甲公司,210200,active,,,\n";
    let bad = [
        (",张三,A08,甲公司,210200,active,,,", BadRowReason::RegistryId),
        ("E 2,张三,A08,甲公司,210200,active,,,", BadRowReason::RegistryId),
        ("E3,,A08,甲公司,210200,active,,,", BadRowReason::Name),
        ("E4,张三,,甲公司,210200,active,,,", BadRowReason::Specialities),
        ("E5,张三,建筑,甲公司,210200,active,,,", BadRowReason::Specialities),
        ("E6,张三,A08,,210200,active,,,", BadRowReason::Employer),
        ("E7,张三,A08,甲公司,大连,active,,,", BadRowReason::Region),
        ("E8,张三,A08,甲公司,210200,maybe,,,", BadRowReason::Standing),
        ("E9,张三,A08,甲公司,210200,active,12 34,,", BadRowReason::Phone),
        ("E10,张三,A08,甲公司,210200,active,,丙公司,", BadRowReason::FormerEmployers),
        ("E11,张三,A08,甲公司,210200,active,,丙公司@2024-02-30,", BadRowReason::FormerEmployers),
        ("E12,张三,A08,甲公司,210200,active", BadRowReason::FieldCount),
        ("E1,李四,A08,甲公司,210200,active,,,", BadRowReason::DuplicateRegistryId),
    ];
    let rows: String = bad.iter().map(|(row, _)| format!("{row}\n")).collect();
    let import = read(format!("{HEADER}{good}{rows}").as_bytes()).unwrap();
    assert_eq!(import.experts.len(), 1);
    assert_eq!(import.experts[0].name, "张三");
    let listed: Vec<_> = import.bad_rows.iter().map(|row| (row.line, row.reason)).collect();
    let expected: Vec<_> = bad.iter().zip(3..).map(|((_, reason), line)| (line, *reason)).collect();
    assert_eq!(listed, expected);
    assert_eq!(import.bad_rows[6].found, "大连");
}

#[test]
fn many_bad_rows_are_counted_but_not_all_listed() {
    let rows = "E3,,A08,甲公司,210200,active,,,\n".repeat(700);
    let import = read(format!("{HEADER}E1,张三,A08,甲公司,210200,active,,,\n{rows}").as_bytes()).unwrap();
    assert_eq!((import.bad_rows.len(), import.bad_row_count), (500, 700));
}

#[test]
fn a_file_that_is_not_a_pool_is_refused_as_a_whole() {
    assert_eq!(read(b"name,employer\n\xd5\xc5\xc8\xfd,x\n"), Err(BadPool::NotUtf8(14)));
    assert_eq!(read(b"registry_id,name\nE1,Zhang\n"), Err(BadPool::MissingColumn("specialities")));
    assert_eq!(read(format!("salary,{HEADER}").as_bytes()), Err(BadPool::StrangeColumn("salary".into())));
    assert_eq!(read(format!("name,{HEADER}").as_bytes()), Err(BadPool::StrangeColumn("name".into())));
    assert_eq!(read(HEADER.as_bytes()), Err(BadPool::Empty));
    assert_eq!(read(b""), Err(BadPool::MissingColumn("registry_id")));
    assert_eq!(read(&vec![b' '; 32 * 1024 * 1024 + 1]), Err(BadPool::TooLarge));
}

#[test]
fn lottery_numbers_have_one_spelling() {
    let value = |text: &str| lottery().value(text).map(|value| value.text().to_owned());
    assert_eq!(value("03, 07 12｜红18 + 蓝０９\n").unwrap(), "03 07 12 18 09");
    assert_eq!(value("528").unwrap(), "528");
    assert_ne!(value("5 28"), value("52 8"));
    assert_eq!(value("52"), Err(BadPublicValue::NotNumbers));
    assert_eq!(value("none yet"), Err(BadPublicValue::NotNumbers));
    assert_eq!(value(&"1".repeat(65)), Err(BadPublicValue::NotNumbers));
    let written: crate::expert_draw::public_value::PublicValue = serde_json::from_str("\"3,7,12\"").unwrap();
    assert_eq!(lottery().bytes(&written), Err(BadPublicValue::NotNumbers));
}

#[test]
fn a_drand_round_has_a_time_and_a_signature() {
    assert_eq!(quicknet_time("1"), Moment::parse("2023-08-23T15:09:27Z"));
    assert_eq!(quicknet_time("2"), Moment::parse("2023-08-23T15:09:30Z"));
    for bad in ["", "0", "01", "-1", "1.0", "99999999999999999999"] {
        assert_eq!(quicknet_time(bad), None, "{bad}");
    }
    let at = Moment::parse("2026-11-22T01:00:00Z").unwrap();
    let round = quicknet_round_from(at);
    let time = quicknet_time(&round.to_string()).unwrap();
    assert!(time >= at && time < at.plus(3 * SECOND));
    assert_eq!(quicknet_round_from(time), round);
    assert_eq!(quicknet_round_from(time.plus(1)), round + 1);

    let source = PublicSource::Drand { network: "quicknet".into(), round: round.to_string() };
    assert_eq!(source.check(time), Ok(()));
    assert_eq!(source.check(time.plus(SECOND)), Err(BadPublicValue::RoundAtAnotherTime));
    let other = PublicSource::Drand { network: "fastnet".into(), round: "1".into() };
    assert_eq!(other.check(time), Err(BadPublicValue::UnknownNetwork));
    let value = source.value(&format!(" {}\n", "AB".repeat(48))).unwrap();
    assert_eq!(source.bytes(&value).unwrap(), [0xab; 48]);
    assert_eq!(source.value(&"ab".repeat(32)), Err(BadPublicValue::NotASignature));
}

#[test]
fn a_value_counts_when_two_parties_read_the_same_and_no_other_has_as_many() {
    let value = |text: &str| lottery().value(text).unwrap();
    let weigh = |entries: &[(&str, &str)]| {
        let entries = entries.iter().map(|(party, text)| ((*party).to_owned(), value(text)));
        agreement(&entries.collect::<BTreeMap<_, _>>())
    };
    assert_eq!(weigh(&[]), Agreement::Waiting);
    assert_eq!(weigh(&[("a", "123")]), Agreement::Waiting);
    assert_eq!(weigh(&[("a", "1 2 3"), ("b", "1,2,3")]), Agreement::Agreed(value("1 2 3")));
    assert_eq!(weigh(&[("a", "123"), ("b", "124")]), Agreement::Split);
    assert_eq!(weigh(&[("a", "123"), ("b", "124"), ("c", "124")]), Agreement::Agreed(value("124")));
    assert_eq!(weigh(&[("a", "123"), ("b", "124"), ("c", "124"), ("d", "123")]), Agreement::Split);
}
