//! Servers, and what is on the way in them: forms that have arrived and wait for their turn. A server stops and forgets them;
//! on PostgreSQL there may be a second one, which falls silent, is taken for dead, and may live after all.

use super::forms::{Form, Turn};
use super::world::{Came, World};
use crate::account::house::House;
use crate::account::testing::TestHouse;
use crate::ledger::arrivals::{Arrival, SILENT};
use crate::ledger::{Act, Actor};
use crate::platform::database::testing::Engine;
use crate::platform::moment::{MINUTE, Moment, SECOND};
use crate::platform::refusal::Failure;
use crate::tests::browser::runtime;

/// A form that is there as a whole, and whose act has not had its turn.
pub struct Flight {
    at: usize,
    form: Option<Form>,
    arrival: Arrival,
    /// In the second server.
    elsewhere: bool,
    /// The line was drawn already when it came: only a clock that went back makes it seem in time.
    behind: bool,
    /// Its server may have been taken for dead.
    given_up: bool,
}

/// What a server said last: up to when it has dealt with everybody.
#[derive(Clone, Copy)]
struct Word {
    done: Moment,
    told: Moment,
}

/// A second server on the same database.
struct Second {
    house: House,
    word: Word,
    silent: bool,
}

#[derive(Default)]
pub struct Servers {
    is_shared: bool,
    flights: Vec<Flight>,
    second: Option<Second>,
    /// The second one is taken for dead at the deadline.
    outlives: bool,
    word: Option<Word>,
    /// Last words of servers that have stopped.
    last_words: Vec<Word>,
}

impl Servers {
    /// On PostgreSQL some tenders have two.
    pub fn begin(engine: Engine, house: &TestHouse, seed: u64) -> Self {
        let is_shared = engine == Engine::Postgres;
        let second = (is_shared && seed.is_multiple_of(2)).then(|| open(house));
        Self { is_shared, second, outlives: seed.is_multiple_of(4), ..Self::default() }
    }
}

fn open(house: &TestHouse) -> Second {
    let second = House::open(house.door().config().clone(), house.clock.clone()).unwrap();
    second.door.tell_arrivals().unwrap();
    let now = house.door().now();
    Second { house: second, word: Word { done: now, told: now }, silent: false }
}

impl World {
    pub fn is_waiting(&self, at: usize) -> bool {
        self.servers.flights.iter().any(|flight| flight.at == at)
    }

    /// A bidder sends a form. Its turn comes at once, or when chance wants it.
    pub fn send(&mut self, at: usize, form: Form) {
        // many at the last moment, and keys whose time is short
        let rush = self.now() >= self.deadline.plus(-2 * MINUTE);
        if !self.dice.comes(if rush { 80 } else { 30 }) {
            return self.act_on(at, form, None);
        }
        let elsewhere = self.servers.second.is_some() && self.dice.comes(50);
        self.arrive(at, form, elsewhere);
    }

    /// A form is there, and waits for its turn.
    fn arrive(&mut self, at: usize, form: Form, elsewhere: bool) {
        let second = self.servers.second.as_ref().filter(|_| elsewhere);
        let arrival = second.map_or(self.house().door(), |second| &second.house.door).arrive();
        let drawn = match form {
            Form::Key { .. } => self.is_bidders_end_recorded() || self.hall.opened,
            _ => self.hall.is_closed(),
        };
        let behind = drawn || second.is_some_and(|second| second.word.done > arrival.at());
        self.say(&format!(
            "a form of bidder {} arrives{}",
            at + 1,
            if elsewhere { " elsewhere" } else { "" }
        ));
        self.met("a form waits for its turn");
        let flight = Flight { at, form: Some(form), arrival, elsewhere, behind, given_up: false };
        self.servers.flights.push(flight);
    }

    /// The turn of somebody comes who has waited.
    pub fn a_turn_comes(&mut self) {
        if self.servers.flights.is_empty() {
            return;
        }
        let which = self.dice.below(self.servers.flights.len());
        self.its_turn_comes(which);
    }

    fn its_turn_comes(&mut self, which: usize) {
        let mut flight = self.servers.flights.swap_remove(which);
        let form = flight.form.take().expect("a form");
        self.act_on(flight.at, form, Some(flight));
    }

    pub fn every_turn_comes(&mut self) {
        while !self.servers.flights.is_empty() {
            self.a_turn_comes();
        }
    }

    pub fn turn_of(&self, flight: Option<&Flight>) -> Turn {
        match flight {
            None => Turn { moment: self.now(), arrived: false, pardoned: false, outlived: false },
            Some(flight) => Turn {
                moment: flight.arrival.at(),
                arrived: true,
                pardoned: flight.behind || flight.given_up,
                outlived: flight.given_up,
            },
        }
    }

    /// An act with the moment of its form's arrival, or of its own.
    pub fn enter<T: Send + 'static>(
        &mut self,
        what: &str,
        actor: Actor,
        flight: Option<Flight>,
        work: impl FnOnce(&mut Act<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Came<T> {
        let elsewhere = flight.as_ref().is_some_and(|flight| flight.elsewhere);
        let second =
            self.servers.second.as_ref().filter(|_| elsewhere).map(|second| second.house.door.clone());
        self.attempt(what, move |house| {
            let door = second.as_ref().unwrap_or(house.door());
            let done = match flight {
                None => door.write(actor, work),
                Some(flight) => runtime().block_on(door.act_arrived(actor, "bidder", flight.arrival, work)),
            };
            done.map(|done| done.value)
        })
    }

    /// Whether somebody may be on the way who came before `moment`, as far as the first server can know.
    pub fn awaits(&self, moment: Moment) -> bool {
        let here =
            self.servers.flights.iter().any(|flight| !flight.elsewhere && flight.arrival.at() < moment);
        let since = self.now().plus(-SILENT);
        let second = self.servers.second.iter().map(|second| &second.word);
        let mut words = second.chain(&self.servers.last_words);
        here || words.any(|word| word.done < moment && word.told >= since)
    }

    /// No line may be drawn at `moment` while somebody is on the way whom somebody can still answer.
    pub fn nobody_was_passed_over(&mut self, moment: Moment, are_keys: bool) {
        for flight in &self.servers.flights {
            let about = matches!(flight.form, Some(Form::Key { .. })) == are_keys;
            let in_time = about && flight.arrival.at() < moment;
            assert!(
                !in_time || flight.behind || flight.given_up,
                "the line was drawn before bidder {}",
                flight.at + 1
            );
        }
    }

    /// Every second a living server says up to when it has dealt with everybody.
    pub fn tell_each_other(&mut self) {
        if !self.servers.is_shared {
            return;
        }
        let now = self.now();
        // nobody remembers for ever
        let forgotten = now.plus(-10 * SILENT);
        self.servers.last_words.retain(|word| word.told >= forgotten);
        let first = |elsewhere: bool| {
            let own = self.servers.flights.iter().filter(|flight| flight.elsewhere == elsewhere);
            Word {
                done: own.map(|flight| flight.arrival.at()).min().map_or(now, |at| at.min(now)),
                told: now,
            }
        };
        let (here, there) = (first(false), first(true));
        self.house().door().tell_arrivals().unwrap();
        self.servers.word = Some(here);
        let Some(second) = &mut self.servers.second else { return };
        if !second.silent {
            second.house.door.tell_arrivals().unwrap();
            second.word = there;
        } else if second.word.told < now.plus(-SILENT) {
            if second.word.told < forgotten {
                second.word.done = Moment::from_micros(i64::MAX);
            }
            let there = self.servers.flights.iter_mut().filter(|flight| flight.elsewhere);
            there.for_each(|flight| flight.given_up = true);
        }
    }

    /// The second server falls silent, is heard again, or stops and is started anew.
    pub fn the_second_server(&mut self) {
        let Some(second) = &mut self.servers.second else { return };
        if self.dice.comes(60) {
            let silent = !second.silent;
            return self.fall_silent(silent);
        }
        self.servers.last_words.push(second.word);
        self.servers.second = None;
        self.met("the second server stopped");
        self.forget_flights(true);
        self.servers.second = Some(open(self.house()));
    }

    /// Whether this tender is one of those of which the second server is taken for dead at the deadline and lives after all.
    pub fn is_to_be_outlived(&self) -> bool {
        self.servers.second.is_some() && self.servers.outlives
    }

    /// Somebody's form is in the second server, which falls silent until the box was closed without it, and then lives after all.
    pub fn the_second_server_outlives_the_closing(&mut self) {
        let ready = |at: &usize| !self.is_waiting(*at) && self.players[*at].is_ready();
        let Some(at) = (0..self.players.len()).find(ready) else { return };
        let draft = self.players[at].draft.take().expect("a draft");
        self.arrive(at, Form::Bid(Box::new(draft)), true);
        self.fall_silent(true);
        self.move_clock(self.deadline.max(self.now().plus(SILENT + SECOND)));
        while !self.hall.is_closed() {
            let here = self.servers.flights.iter().position(|flight| !flight.elsewhere);
            if let Some(here) = here {
                self.its_turn_comes(here);
            } else if self.awaits(self.deadline) {
                self.outwait();
            }
            self.try_to_close();
            self.check();
        }
        self.fall_silent(false);
        while let Some(there) = self.servers.flights.iter().position(|flight| flight.elsewhere) {
            self.its_turn_comes(there);
        }
        self.check();
    }

    fn fall_silent(&mut self, silent: bool) {
        let Some(second) = &mut self.servers.second else { return };
        second.silent = silent;
        self.met(if silent { "the second server fell silent" } else { "the second server was heard again" });
        self.tell_each_other();
    }

    /// The first server has stopped.
    pub fn lose_flights(&mut self) {
        self.servers.last_words.extend(self.servers.word.take());
        self.forget_flights(false);
    }

    /// Nobody whose form was on the way in a server that stopped gets an answer; who has something to send sends it again.
    fn forget_flights(&mut self, elsewhere: bool) {
        let (lost, kept) = std::mem::take(&mut self.servers.flights)
            .into_iter()
            .partition(|flight: &Flight| flight.elsewhere == elsewhere);
        self.servers.flights = kept;
        for flight in lost {
            self.met("stopped with a form on the way");
            if let Some(Form::Bid(draft)) = flight.form {
                self.players[flight.at].draft = Some(*draft);
            }
        }
    }

    /// Lets so much time pass that no dead server is waited for any longer; one that died before the clock was set back, until the
    /// clock is again where it was.
    pub fn outwait(&mut self) {
        let last = self.servers.last_words.iter().map(|word| word.told).max();
        let to = self.now().plus(10 * SECOND);
        self.move_clock(last.map_or(to, |last| to.max(last)));
    }
}
