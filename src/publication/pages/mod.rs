//! What everybody reads of candidates and results under addresses that stay, what the agent and the entity sign, and
//! the letter that only its own reader sees.

mod letter;
mod lot;
mod notice;
mod paper;
mod sign;
mod view;

crate::routes! {
    GET "/publication/{number}/{lot}" everybody => lot::lot_get;
    GET "/publication/{number}/{lot}/letter" [Bidder] => letter::letter_get;
    GET "/publication/{number}/{lot}/sign/{paper}" [Agent Entity] => sign::sign_get;
    POST "/publication/{number}/{lot}/sign/{paper}" [Agent Entity] => sign::sign_post;
    POST "/publication/{number}/{lot}/sign/{paper}/check" [Agent Entity] => sign::check_post;
    GET "/publication/{number}/{lot}/award" everybody => notice::award_get;
    GET "/publication/{number}/{lot}/award/signed.json" everybody => notice::award_signed_get;
    GET "/publication/{number}/{lot}/{kind}" everybody => notice::notice_get;
    GET "/publication/{number}/{lot}/{kind}/signed.json" everybody => notice::signed_get;
    GET "/publication/{number}/{lot}/{kind}/log/{what}" everybody => notice::log_get;
}
