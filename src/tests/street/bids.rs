//! Deposits and bids, as bidders and the treasurer handle them in their browsers.

use super::day::{Day, LOT};
use crate::account::testing::Member;
use crate::deposit::testing::{CENTRE_NUMBER, csv, declared};
use crate::ledger::proof::Receipt;
use crate::platform::canonical::jcs_text;
use crate::sealed_bid::testing::{Offer, seal_offer};
use crate::sealing::command::BidParameters;
use crate::sealing::seal::SealedBid;
use crate::tests::browser::{Browser, Seen};
use bytes::Bytes;
use reqwest::Method;

/// A bid that was taken.
pub struct Taken {
    /// Address of its receipt.
    pub receipt: String,
    pub proof: Receipt,
}

impl Day {
    /// The treasurer enters the centre's account.
    pub fn open_treasury(&self) {
        let mut desk = self.enter(&self.treasurer);
        desk.get("/deposit/treasury/account").expect_status(200);
        let account = [
            ("holder", "滨海市公共资源交易中心"),
            ("number", CENTRE_NUMBER),
            ("bank_code", "102221000016"),
            ("bank_name", "某银行大连中山支行"),
            ("range", "998801"),
        ];
        desk.post("/deposit/treasury/account", &account).expect_status(303);
    }

    /// A bidder declares the account that it pays from; gives the number that it must pay to.
    pub fn ask_account(&self, browser: &mut Browser, bidder: &Member) -> String {
        let page = format!("/deposit/{LOT}");
        browser.get(&page).expect_status(200);
        let from = declared(&bidder.who);
        let form = [
            ("number", from.number.as_str()),
            ("bank_code", &from.bank_code),
            ("bank_name", &from.bank_name),
        ];
        browser.post(&page, &form).expect_status(303);
        let shown = browser.get(&page).expect_status(200).text();
        let (_, number) = shown.split_once("id=\"pay-number\">").unwrap();
        number.split('<').next().unwrap().replace(' ', "")
    }

    /// The bank's line about one payment of eighty thousand by `payer` to this number, now.
    pub fn payment(&self, account: &str, reference: &str, payer: &Member) -> String {
        let from = declared(&payer.who);
        let booked = self.served.house.door().now().rfc3339();
        format!(
            "{CENTRE_NUMBER},{account},{reference},in,80000.00,{booked},{},{},{},{}",
            from.holder, from.number, from.bank_code, from.bank_name
        )
    }

    /// The treasurer imports the bank's notice.
    pub fn import(&self, lines: &[String]) -> Browser {
        let mut desk = self.enter(&self.treasurer);
        desk.get("/deposit/treasury/import").expect_status(200);
        desk.post_file("/deposit/treasury/import", "notice.csv", csv(lines).as_bytes()).expect_status(303);
        desk
    }

    /// Every bidder pays its deposit and hands its bid in, the day before the opening; gives the bids that were taken.
    pub fn bids_in(&self, prices: &[&str]) -> Vec<Taken> {
        self.at("2026-03-24 10:00:00");
        self.open_treasury();
        let bidders = &self.bidders[..prices.len()];
        let mut browsers = self.enter_all(bidders);
        self.pay_all(&mut browsers, bidders);
        let hand_in = |((browser, bidder), price): ((&mut Browser, &Member), &&str)| {
            self.bid(browser, bidder, &Offer::priced(price))
        };
        browsers.iter_mut().zip(bidders).zip(prices).map(hand_in).collect()
    }

    /// The bidders ask for their numbers and pay to them, and the treasurer imports the bank's notice.
    pub fn pay_all(&self, browsers: &mut [Browser], bidders: &[Member]) {
        let mut lines = Vec::new();
        for (browser, bidder) in browsers.iter_mut().zip(bidders) {
            let account = self.ask_account(browser, bidder);
            lines.push(self.payment(&account, &format!("P{account}"), bidder));
        }
        self.import(&lines);
        for browser in browsers {
            let page = browser.get(&format!("/deposit/{LOT}")).expect_status(200).text();
            assert!(page.contains("保证金已足额到账：80,000.00 元"), "{page}");
        }
    }

    /// Seals an offer with what the bid page gives, uploads it and submits it.
    pub fn bid(&self, browser: &mut Browser, bidder: &Member, offer: &Offer) -> Taken {
        let (sealed, ciphertext) = self.seal(browser, bidder, offer);
        let upload = upload(browser, &ciphertext);
        self.taken(browser, &sealed, &upload)
    }

    /// Seals an offer in the bidder's own browser; nothing has been sent yet.
    pub fn seal(&self, browser: &mut Browser, bidder: &Member, offer: &Offer) -> (SealedBid, Vec<u8>) {
        let parameters = browser.get(&format!("/sealed-bid/{LOT}/single/parameters.json")).expect_status(200);
        let parameters = BidParameters::read(&parameters.bytes).unwrap();
        seal_offer(&self.served.house, bidder, &parameters, offer)
    }

    /// Submits an upload, and proves the receipt offline.
    pub fn taken(&self, browser: &mut Browser, bid: &SealedBid, upload: &str) -> Taken {
        let receipt = submit(browser, bid, upload).expect_status(303).location();
        let page = browser.get(&receipt).expect_status(200).text();
        assert!(page.contains("data-arrived=\"TEST-0001/1/single/"), "{page}");
        let file = browser.get(&format!("{receipt}/proof")).expect_status(200).bytes;
        let (proof, key) = (Receipt::parse(&file).unwrap(), self.served.house.door().log_key().clone());
        proof.verify(&bid.manifest.message(), 70, key.name(), std::slice::from_ref(&key)).unwrap();
        Taken { receipt, proof }
    }
}

/// Uploads a ciphertext by tus, all at once; gives the upload's address.
pub fn upload(browser: &mut Browser, ciphertext: &[u8]) -> String {
    browser.get(&format!("/sealed-bid/{LOT}/single")).expect_status(200);
    let (size, token) = (ciphertext.len().to_string(), browser.csrf.clone());
    let headers = [
        ("Tus-Resumable", "1.0.0"),
        ("X-CSRF-Token", token.as_str()),
        ("Upload-Length", size.as_str()),
        ("Content-Type", "application/offset+octet-stream"),
    ];
    let bytes = Bytes::copy_from_slice(ciphertext);
    browser.send(Method::POST, "/sealed-bid/upload", &headers, bytes).expect_status(201).location()
}

/// Presses the bid form's last button.
pub fn submit(browser: &mut Browser, bid: &SealedBid, upload: &str) -> Seen {
    let page = format!("/sealed-bid/{LOT}/single");
    browser.get(&page).expect_status(200);
    let (manifest, signature) = (jcs_text(&bid.manifest), jcs_text(&bid.signature));
    let fields = [("manifest", manifest.as_str()), ("signature", signature.as_str()), ("upload", upload)];
    browser.post(&format!("{page}/submit"), &fields)
}

impl Day {
    /// The treasurer orders every refund that is due, and the bank reports that all were paid. Gives the payment order.
    pub fn pay_back(&self, execute_on: &str, refunds: usize) -> String {
        let mut desk = self.enter(&self.treasurer);
        let page = "/deposit/treasury/refunds";
        desk.get(page).expect_status(200);
        let order =
            [("execute_on", execute_on), ("deposit_rate", "0"), ("lending_rate", "0"), ("day_base", "360")];
        desk.post(page, &order).expect_status(303);
        let shown = desk.get(page).expect_status(200).text();
        let marks: Vec<&str> = shown
            .split(&format!("action=\"{page}/"))
            .skip(1)
            .filter_map(|rest| rest.split('"').next()?.strip_suffix("/confirm"))
            .collect();
        assert_eq!(marks.len(), refunds, "{shown}");
        for id in marks {
            desk.post(&format!("{page}/{id}/confirm"), &[]).expect_status(303);
        }
        let batch = shown.split("/deposit/treasury/batches/").nth(1).unwrap().split('"').next().unwrap();
        desk.get(&format!("/deposit/treasury/batches/{batch}")).expect_status(200).text()
    }
}
