//! A draft is there for nobody but the people who prepare it: every GET route, asked with the draft's own number and ids.

use super::browser::{Browser, Served};
use crate::account::role::Role;
use crate::account::route::Access;
use crate::account::testing::TestHouse;
use crate::announcement::testing::{publish, write};
use crate::app;
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::project::testing::{Shape, draft, staff};

on_both_databases! {
    a_draft_is_nowhere_for_anybody_who_does_not_prepare_it
}

const NUMBER: &str = "HIDDEN-1";
const TITLE: &str = "还没公告的项目";

/// The addresses of a route for the draft: its number, its lot by number and by id, and each of `ids` in any other place.
fn addresses(route: &str, lot: &str, ids: &[String]) -> Vec<String> {
    let named = route.replace("{number}", NUMBER).replace("{tender}", NUMBER);
    let mut out = Vec::new();
    for lot in ["1", lot] {
        let placed = named.replace("{lot}", lot);
        for id in ids {
            let parts = placed.split('{').enumerate().map(|(i, part)| match part.split_once('}') {
                Some((_, rest)) if i > 0 => format!("{id}{rest}"),
                _ => part.to_owned(),
            });
            out.push(parts.collect());
        }
    }
    out.sort();
    out.dedup();
    out
}

/// Panics if `browser` finds the draft at `path`.
fn finds_nothing(browser: &mut Browser, path: &str, whom: &str) {
    let seen = browser.get(path);
    assert_ne!(seen.status, 500, "{path} as {whom}");
    // what was asked for may be repeated, e.g. in the way back from signing in
    let text = seen.text().replace(path, "");
    assert!(!text.contains(TITLE), "{path} shows {whom} the title: {text}");
    assert!(path.contains(NUMBER) || !text.contains(NUMBER), "{path} shows {whom} the number: {text}");
}

fn a_draft_is_nowhere_for_anybody_who_does_not_prepare_it(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let shape = Shape { number: NUMBER.into(), title: TITLE.into(), ..Shape::default() };
    let tender = draft(&house, &staff, &shape);
    write(&house, &staff, tender);
    let door = house.door();
    let lot = door.read(|db| crate::project::store::lots_of(db, tender)).unwrap()[0].lot.to_string();
    let documents = door.read(|db| crate::announcement::store::documents(db, tender)).unwrap();
    let mut ids = vec![tender.to_string(), lot.clone(), documents[0].id.to_string()];
    ids.extend(["1", "single", "candidates", "zh-CN"].map(str::to_owned));
    let served = Served::start(house);
    let mut strangers = vec![(None, served.visitor())];
    for role in Role::ALL {
        let member = served.house.member(role, &format!("stranger-{}", role.code()));
        strangers.push((Some(role), served.browser(&member)));
    }
    for route in app::routes().iter().filter(|route| route.method == "GET") {
        for (role, browser) in &mut strangers {
            // supervisors and the centre oversee what is prepared; on public pages they are strangers too
            let oversees = matches!(role, Some(Role::Supervisor | Role::Centre));
            if oversees && route.access != Access::Everybody {
                continue;
            }
            for path in addresses(route.path, &lot, &ids) {
                finds_nothing(browser, &path, &format!("{role:?}"));
            }
        }
    }
    let public = [
        format!("/opening/{NUMBER}/1"),
        format!("/sealed-bid/{NUMBER}/trustees"),
        format!("/publication/{NUMBER}/1"),
        format!("/objection/{NUMBER}/1"),
        format!("/tender/{NUMBER}"),
        format!("/announcement/{NUMBER}"),
        format!("/clarification/{NUMBER}"),
    ];
    for path in &public {
        served.visitor().get(path).expect_status(404);
        served.visitor().get(&path.replace(NUMBER, "NO-SUCH-1")).expect_status(404);
    }
    // who prepares it: agent and entity see the hall, and a trustee finds the place to give a key
    for own in [&staff.agent, &staff.entity, &staff.supervisor] {
        for path in &public[..2] {
            assert!(served.browser(own).get(path).expect_status(200).text().contains(NUMBER));
        }
    }
    let other = served.house.member(Role::Bidder, "other");
    let mut other = served.browser(&other);
    let arrival = other.post(&format!("/opening/{NUMBER}/1/arrival"), &[]).expect_status(404);
    assert!(!arrival.text().contains(TITLE));
    publish(&served.house, &staff, tender);
    for path in &public {
        served.visitor().get(path).expect_status(200);
    }
}
