//! What a page answers when an action did not happen. Both languages stand on the page, so that it is readable
//! wherever it appears.

use super::lang::Lang;
use crate::platform::digest::b64u;
use crate::platform::random;
use crate::platform::refusal::{Failure, Fault, Refused};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use askama::Template;
use std::fmt;

/// The result of every page handler.
pub type Answer = Result<HttpResponse, Failed>;

/// A failure on its way to the browser.
#[derive(Debug)]
pub enum Failed {
    Refused(Refused),
    /// With the incident number that stands in the log.
    Fault(String),
    /// Not signed in: to the sign-in page and back.
    SignIn(String),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => write!(f, "{refused}"),
            Self::Fault(incident) => write!(f, "incident {incident}"),
            Self::SignIn(next) => write!(f, "sign in for {next}"),
        }
    }
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refused) => Self::Refused(refused),
            Failure::Fault(fault) => Self::from(fault),
        }
    }
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Fault> for Failed {
    /// Logs the fault once, here at the edge, under a number that the user sees.
    fn from(fault: Fault) -> Self {
        let incident = b64u(&random::bytes::<6>());
        tracing::error!(incident, fault = %fault.chain(), "a request failed");
        if fault.is_disk_full() {
            return Self::Refused(Refused::new(507, "platform.refusal.disk_full"));
        }
        Self::Fault(incident)
    }
}

impl From<askama::Error> for Failed {
    fn from(error: askama::Error) -> Self {
        Self::from(Fault::from(error))
    }
}

#[derive(Template)]
#[template(path = "layout/refusal.html")]
struct RefusalPage {
    css: String,
    status: u16,
    chinese: String,
    english: String,
    article: Option<String>,
    back: (String, String),
}

impl ResponseError for Failed {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Refused(refused) => StatusCode::from_u16(refused.status).unwrap_or(StatusCode::CONFLICT),
            Self::Fault(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::SignIn(_) => StatusCode::SEE_OTHER,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let refused = match self {
            Self::SignIn(next) => {
                let target = serde_urlencoded::to_string([("next", next)]).unwrap_or_default();
                return HttpResponse::SeeOther()
                    .insert_header((header::LOCATION, format!("/account/sign-in?{target}")))
                    .finish();
            }
            Self::Refused(refused) => refused.clone(),
            Self::Fault(incident) => Refused::new(500, "platform.fault").with("incident", incident),
        };
        let page = RefusalPage {
            css: super::assets::url("main.css"),
            status: refused.status,
            chinese: Lang::Chinese.refusal(&refused),
            english: Lang::English.refusal(&refused),
            article: refused.article.clone(),
            back: (Lang::Chinese.t("platform.back"), Lang::English.t("platform.back")),
        };
        let status = self.status_code();
        match page.render() {
            Ok(html) => HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html),
            Err(_) => HttpResponse::build(status).body(refused.to_string()),
        }
    }
}
