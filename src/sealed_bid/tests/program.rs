//! The script that seals in browsers: logged, shown, checked by the browser; and when the command line is better.

use super::box1_in;
use crate::account::testing::TestHouse;
use crate::ledger::proof::Receipt;
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::digest::b64;
use crate::platform::web::assets;
use crate::project::testing::Shape;
use crate::sealed_bid::jobs;
use crate::sealed_bid::program::SCRIPT;
use crate::tests::browser::Served;

on_both_databases! {
    the_sealing_program_is_logged_once_shown_and_proven
    the_command_line_is_recommended_from_the_configured_ceiling_on
}

const PAGE: &str = "/sealed-bid/program";

fn the_sealing_program_is_logged_once_shown_and_proven(engine: Engine) {
    let house = TestHouse::new(engine);
    let hash = assets::hash(SCRIPT).expect("browser/dist was not built: run bin/assets");
    let served = Served::start(house);
    let mut public = served.visitor();
    let before = public.get(PAGE).expect_status(200).text();
    assert!(before.contains(hash) && before.contains("日志中还没有记录"), "{before}");
    jobs::due(served.house.door()).unwrap();
    jobs::due(served.house.door()).unwrap();
    let page = public.get(PAGE).expect_status(200).text();
    assert_eq!(page.matches("/log/entry/").count(), 1, "the same script is entered once: {page}");
    assert!(page.contains(&format!("bin/seal-hash {hash}")), "{page}");
    let address =
        page.split("href=\"").find(|rest| rest.contains("/proof\"")).unwrap().split('"').next().unwrap();
    let receipt = Receipt::parse(&public.get(address).expect_status(200).bytes).unwrap();
    let logged = public.get(&address.replace("/proof", "/entry.json")).expect_status(200).bytes;
    assert!(String::from_utf8_lossy(&logged).contains(hash));
    let door = served.house.door();
    receipt.verify(&logged, 80, &door.config().origin, &[door.log_key().clone()]).unwrap();
    // what the page serves is what was logged
    let script =
        page.split("href=\"").find(|rest| rest.contains("/seal.js\"")).unwrap().split('"').next().unwrap();
    let served_bytes = public.get(script).expect_status(200).bytes;
    assert_eq!(hex::encode(crate::platform::digest::sha256(&[&served_bytes])), hash);
    public.get(&format!("{PAGE}/nonsense/proof")).expect_status(404);
}

fn the_command_line_is_recommended_from_the_configured_ceiling_on(engine: Engine) {
    // the lot's ceiling is ten million yuan
    for (from, recommended) in [(10_000_000, true), (10_000_001, false)] {
        let house = TestHouse::configured(engine, |config| config.command_line_from = from);
        let opened = box1_in(house, &Shape::default());
        let served = Served::start(opened.house);
        let mut bidder = served.browser(&opened.first);
        let page = bidder.get("/sealed-bid/TEST-0001/1/single").expect_status(200).text();
        assert_eq!(page.contains("data-recommended"), recommended, "{page}");
        assert_eq!(page.contains("10,000,000.00"), recommended, "{page}");
        // the browser runs the script only if it is the one that the page names
        let hash = hex::decode(assets::hash(SCRIPT).unwrap()).unwrap();
        assert!(page.contains(&format!("integrity=\"sha256-{}\"", b64(&hash))), "{page}");
        assert!(page.contains("href=\"/sealed-bid/program\""), "{page}");
    }
}
