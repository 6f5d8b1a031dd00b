//! The opening, as everybody in the hall does it.

use super::day::{DEADLINE, Day, LOT, NUMBER};
use crate::opening::testing::trust;
use crate::platform::canonical::jcs_text;
use crate::platform::money::Fen;
use crate::sealing::boxes::BoxKey;
use crate::sealing::release::{OpeningBundle, Release};
use crate::sealing::signature::SigningKey;
use crate::sealing::trustees::TrusteeKey;
use crate::tests::browser::{Browser, Seen};

/// A price as pages write it.
pub fn written(price: &str) -> String {
    Fen::parse(price).unwrap().to_string()
}

impl Day {
    pub fn hall(&self) -> String {
        format!("/opening/{LOT}")
    }

    /// The page of the hall as everybody sees it.
    pub fn public_hall(&self) -> String {
        self.served.visitor().get(&self.hall()).expect_status(200).text()
    }

    /// The deadline comes, and the agent closes the box. Gives the agent's browser.
    pub fn close(&self) -> Browser {
        self.at(DEADLINE);
        let mut agent = self.enter(&self.staff.agent);
        let hall = self.hall();
        assert!(agent.get(&hall).expect_status(200).text().contains("/closing"));
        agent.post(&format!("{hall}/closing"), &[]).expect_status(303);
        agent
    }

    /// Signs a person in at the hall.
    pub fn arrive(&self, browser: &mut Browser) {
        browser.get(&self.hall()).expect_status(200);
        browser.post(&format!("{}/arrival", self.hall()), &[]).expect_status(303);
    }

    /// The keys of the trustee with this number, as their browser holds them.
    pub fn key(&self, i: u8) -> TrusteeKey {
        let place = usize::from(i) - 1;
        let boxes = BoxKey::from_bytes(&self.boxes[place].to_bytes().0).unwrap();
        let sign = SigningKey::from_pkcs8(&self.trustees()[place].pkcs8).unwrap();
        TrusteeKey { i, tender: NUMBER.into(), boxes, sign }
    }

    /// What a trustee's browser gets to check and to release from.
    pub fn bundle(&self, browser: &mut Browser) -> OpeningBundle {
        let seen = browser.get(&format!("{}/single/bundle.json", self.hall())).expect_status(200);
        OpeningBundle::read(&seen.bytes).unwrap()
    }

    /// Hands a release in.
    pub fn hand_in(&self, browser: &mut Browser, release: &Release) -> Seen {
        assert!(browser.get(&self.hall()).expect_status(200).text().contains("data-release="));
        browser.post(&format!("{}/single/release", self.hall()), &[("release", &jcs_text(release))])
    }

    /// The trustee with this number releases honestly from their own browser.
    pub fn release(&self, i: u8) {
        let mut browser = self.enter(self.trustees()[usize::from(i) - 1]);
        let bundle = self.bundle(&mut browser);
        let release =
            bundle.release(&self.key(i), &trust(&self.served.house), self.served.house.door().now()).unwrap();
        self.hand_in(&mut browser, &release).expect_status(303);
    }

    /// The agent presses the opening's button.
    pub fn open(&self, agent: &mut Browser, given_up: bool) -> Seen {
        agent.get(&self.hall()).expect_status(200);
        let fields: &[(&str, &str)] = if given_up { &[("given_up", "yes")] } else { &[] };
        agent.post(&format!("{}/single/open", self.hall()), fields)
    }

    /// The agent signs and publishes the record of the opening.
    pub fn publish_record(&self, agent: &mut Browser) {
        let hall = self.hall();
        agent.sign(&self.staff.agent, &hall, &format!("{hall}/single/publication"), &[]).expect_status(303);
        self.served.visitor().get(&format!("{hall}/single/record.json")).expect_status(200);
    }

    /// From the deadline to the published record, with trustees 1 and 2. Gives the agent's browser.
    pub fn opened(&self) -> Browser {
        let mut agent = self.close();
        self.release(1);
        self.release(2);
        self.open(&mut agent, false).expect_status(303);
        self.publish_record(&mut agent);
        agent
    }
}
