//! What later rooms' tests begin with when they need the notice too: a tender published through the real acts.
//! The demonstration walks with these too; a walk that does not go as planned must stop at once, so it may unwrap.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::actions::{self, Stored};
use super::rules::NoticeText;
use crate::account::testing::{TestHouse, run};
use crate::platform::files::content::Content;
use crate::platform::id::Id;
use crate::project;
use crate::project::rulebook::Family;
use crate::project::rules::{Lot, Tender};
use crate::project::standing::TenderFacts;
use crate::project::testing::{Shape, Staff, draft, staff};

/// A lawful text.
pub fn text() -> NoticeText {
    NoticeText {
        scope: "桥梁维修，工期 90 天。".into(),
        qualification: "具有市政公用工程施工总承包三级及以上资质。".into(),
        contact: "张工 0411-00000000".into(),
        remarks: String::new(),
    }
}

/// A lawful text for this tender: what it buys, and whom its law admits.
fn text_of(facts: &TenderFacts) -> NoticeText {
    match facts.category.family() {
        Family::Tendering => NoticeText {
            scope: format!("{}的全部施工内容，工期 90 天，质量合格。", facts.title),
            ..text()
        },
        Family::Procurement => NoticeText {
            scope: format!("{}所列货物的供货、安装、调试和使用培训，合同签订后 45 日内交付。", facts.title),
            qualification:
                "符合《政府采购法》第二十二条：具有独立承担民事责任的能力、良好的商业信誉，依法缴纳税收和社会\
                            保障资金，近三年无重大违法记录。不接受联合体。"
                    .into(),
            ..text()
        },
    }
}

/// A small PDF 1.4 of one page with these lines, in a typeface that every reader of PDF has for Chinese. What is longer
/// than the page is wide runs off it.
pub fn pdf(lines: &[&str]) -> Vec<u8> {
    use std::fmt::Write as _;
    let mut drawing = String::from("BT /F1 14 Tf 22 TL 60 770 Td");
    for line in lines {
        let hex: String = line.encode_utf16().map(|unit| format!("{unit:04X}")).collect();
        write!(drawing, " <{hex}> Tj T*").unwrap();
    }
    drawing.push_str(" ET");
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".into(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 4 0 R>>>>/Contents 6 0 R>>"
            .into(),
        "<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UTF16-H/DescendantFonts[5 0 R]>>"
            .into(),
        "<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/DW 1000/W[1 95 500]\
         /CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 4>>/FontDescriptor 7 0 R>>"
            .into(),
        format!("<</Length {}>>stream\n{drawing}\nendstream", drawing.len()),
        "<</Type/FontDescriptor/FontName/STSong-Light/Flags 6/FontBBox[-25 -254 1000 880]/ItalicAngle 0\
         /Ascent 880/Descent -120/CapHeight 880/StemV 93>>"
            .into(),
    ];
    let (mut file, mut places) = (String::from("%PDF-1.4\n"), String::new());
    for (number, object) in (1..).zip(&objects) {
        writeln!(places, "{:010} 00000 n ", file.len()).unwrap();
        write!(file, "{number} 0 obj\n{object}\nendobj\n").unwrap();
    }
    let (size, table) = (objects.len() + 1, file.len());
    write!(
        file,
        "xref\n0 {size}\n0000000000 65535 f \n{places}trailer\n<</Size {size}/Root 1 0 R>>\n\
         startxref\n{table}\n%%EOF\n"
    )
    .unwrap();
    file.into_bytes()
}

/// Writes the text of a draft and adds one document, a file that is really there.
pub fn write(house: &TestHouse, staff: &Staff, tender: Id<Tender>) {
    let who = staff.agent.who.clone();
    let facts = house.door().read(|db| project::store::tender(db, tender)).unwrap().unwrap();
    let notice = text_of(&facts);
    let paper = pdf(&["招标文件", &facts.title, facts.number.as_str(), &notice.scope, &notice.qualification]);
    let (bytes, files) = (paper.len() as u64, house.door().files().clone());
    let content = run(files.put(paper.into())).unwrap();
    let file = Stored { name: "招标文件.pdf".into(), content, kind: Content::Pdf, bytes };
    house
        .act(&staff.agent.who, move |act| {
            actions::write_draft(act, &who, tender, notice)?;
            actions::add_document(act, &who, tender, &file)
        })
        .unwrap();
}

/// Signs and publishes a draft that has everything.
pub fn publish(house: &TestHouse, staff: &Staff, tender: Id<Tender>) {
    let now = house.door().now();
    let (notice, problems) =
        house.door().read(|db| actions::check_draft(db, &staff.agent.who, tender, now)).unwrap();
    assert_eq!(problems, []);
    let fields = staff.agent.sign(&notice.unwrap().statement());
    let (who, authority) = (staff.agent.who.clone(), house.authority().clone());
    house.act(&staff.agent.who, move |act| actions::publish(act, &authority, &who, tender, &fields)).unwrap();
}

/// A published tender of this shape, its staff and its first lot.
pub fn published(house: &TestHouse, shape: &Shape) -> (Staff, Id<Lot>) {
    let staff = staff(house);
    let lot = published_by(house, &staff, shape);
    (staff, lot)
}

/// A tender of this shape that these people published; its first lot.
pub fn published_by(house: &TestHouse, staff: &Staff, shape: &Shape) -> Id<Lot> {
    let tender = draft(house, staff, shape);
    write(house, staff, tender);
    publish(house, staff, tender);
    house.door().read(|db| project::store::lots_of(db, tender)).unwrap()[0].lot
}
