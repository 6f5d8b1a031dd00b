//! 演示 The demonstration centre: example people and tenders, made by real acts, and a clock that staff may move.
//!
//! A lawful tender takes forty days. To let a newcomer walk one in an afternoon, a demonstration centre's clock can be
//! moved forward by centre staff, one jump at a time; every jump is in the log and every page says that the clock
//! is a demonstration's. A real centre (`demo = false`) has no such page and no such act.
//!
//! The example tenders are walked through the very acts that people use, at set times in the past, with real keys and
//! real sealed bids: nothing is written into tables by hand. `sunbid demo` builds them once, into an empty database.
//!
//! Who comes in: everybody looks, centre staff move the clock, the treasurer gets bank notices. Table: `platform_clock`.

pub mod bank_notice;
pub mod cast;
pub mod clock;
pub mod keys;
pub mod pages;
pub mod story;

use crate::account::actions::hash_password;
use crate::account::house::House;
use crate::account::store;
use crate::account::testing::TestHouse;
use crate::deposit;
use crate::ledger::Actor;
use crate::platform::config::Config;
use crate::platform::database::Db;
use crate::platform::moment::{Clock, DAY, Moment};
use crate::platform::refusal::Fault;

#[cfg(test)]
mod tests;

/// Builds the demonstration centre, once: a demonstration that stands already is left as it is.
///
/// # Errors
/// The configuration is not a demonstration's, the database has people in it and is none, or the database or a key file
/// fails.
pub fn build(config: Config) -> Result<(), Fault> {
    if !config.demo {
        return Err(Fault::new(
            "this is not a demonstration centre: set demo = true (SUNBID_DEMO=true) first",
        ));
    }
    // the stories lie in the past, so their clock is set, not real
    let now = beginning();
    let clock = Clock::set_at(now.plus(-90 * DAY));
    let house = House::open(config, clock.clone())?;
    if house.door.read(stands)? {
        return Ok(());
    }
    let hash = hash_password(cast::PASSWORD).map_err(|failure| Fault::new(failure.to_string()))?;
    let house = TestHouse::of(house, clock, &hash);
    tell_all(&house, now);
    house.clock.move_to(now);
    let begun = house
        .door()
        .write(Actor::system("demonstration"), move |act| clock::begin(act, Clock::real().now(), now));
    begun.map(|_| ()).map_err(|failure| Fault::new(failure.to_string()))
}

/// Whether the demonstration stands already. Its accounts have a password that everybody knows, so a database in which
/// other people are is not touched.
fn stands(db: &mut Db) -> Result<bool, Fault> {
    let begun = clock::kept(db)?.is_some();
    if !begun && store::anybody(db)? {
        return Err(Fault::new(
            "this database has people in it and is no finished demonstration, so none is built in it: name an empty \
             database (SUNBID_DATABASE_URL), or set demo = false. If building was interrupted, remove the database and \
             begin again",
        ));
    }
    Ok(begun)
}

/// When every demonstration begins: 2026-06-01 09:20 in Beijing, a Monday. The holiday calendar of that year is known, so
/// every period can be computed; the real year's may not be published yet.
pub fn beginning() -> Moment {
    Moment::parse("2026-06-01T09:20:00+08:00").unwrap_or(Moment::from_micros(0))
}

/// Hires everybody and tells every story, so that each example tender stands in its phase at `now`.
pub fn tell_all(house: &TestHouse, now: Moment) {
    let cast = cast::Cast::hire(house);
    deposit::testing::open_account(house, &cast.treasurer);
    story::fill_pool(house, &cast);
    for story in story::stories(now) {
        story::tell(house, &cast, &story);
        println!("  {}  {}", story.number, story.title);
    }
}
