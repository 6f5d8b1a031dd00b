//! What later rooms' tests begin with when they need the notice too: a tender published through the real acts.
//! The demonstration walks with these too; a walk that does not go as planned must stop at once, so it may unwrap.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::actions::{self, Stored};
use super::rules::NoticeText;
use crate::account::testing::TestHouse;
use crate::platform::files::content::Content;
use crate::platform::id::Id;
use crate::project;
use crate::project::rules::{Lot, Tender};
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

/// Writes the text of a draft and adds one document.
pub fn write(house: &TestHouse, staff: &Staff, tender: Id<Tender>) {
    let who = staff.agent.who.clone();
    let file =
        Stored { name: "招标文件.pdf".into(), content: "a".repeat(64), kind: Content::Pdf, bytes: 1024 };
    house
        .act(&staff.agent.who, move |act| {
            actions::write_draft(act, &who, tender, text())?;
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
    let tender = draft(house, &staff, shape);
    write(house, &staff, tender);
    publish(house, &staff, tender);
    let lot = house.door().read(|db| project::store::lots_of(db, tender)).unwrap()[0].lot;
    (staff, lot)
}
