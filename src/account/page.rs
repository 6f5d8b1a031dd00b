//! What every page knows: language, visitor, form token, path, server time. Page structs carry it as `p`.

use super::role::Role;
use super::who::{SignedIn, Who};
use crate::ledger::Door;
use crate::ledger::door::LINE_FULL;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::{Answer, Failed, Lang, assets};
use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use askama::Template;
use std::future::{Ready, ready};

/// Put into the request by the session middleware.
#[derive(Clone)]
pub(super) struct Seen {
    pub lang: Lang,
    pub csrf: String,
}

/// A problem with a form, shown in the summary above it and beside its field.
#[derive(Clone, Debug)]
pub struct Problem {
    pub field: String,
    pub sentence: String,
    pub article: Option<String>,
}

/// What every page knows.
#[derive(Clone)]
pub struct Page {
    pub lang: Lang,
    pub who: Option<Who>,
    pub csrf: String,
    /// Path and query of this page, for the language switch.
    pub path: String,
    pub now: Moment,
    pub problems: Vec<Problem>,
    pub demo: bool,
}

impl Page {
    /// The sentence of a locale key.
    pub fn t(&self, key: &str) -> String {
        self.lang.t(key)
    }

    /// The sentence of a locale key with one place filled in.
    pub fn tv(&self, key: &str, name: &str, value: impl ToString) -> String {
        self.lang.with(key, &[(name, value.to_string())])
    }

    /// The sentence of a locale key with two places filled in.
    pub fn tvv(&self, key: &str, a: &str, av: impl ToString, b: &str, bv: impl ToString) -> String {
        self.lang.with(key, &[(a, av.to_string()), (b, bv.to_string())])
    }

    /// Address of an embedded asset.
    pub fn asset(&self, name: &str) -> String {
        assets::url(name)
    }

    pub fn is(&self, role: Role) -> bool {
        self.who.as_ref().is_some_and(|who| who.role == role)
    }

    /// The role of whoever is signed in, in words; empty for nobody.
    pub fn role_name(&self) -> String {
        self.who.as_ref().map(|who| self.t(&format!("account.role.{}", who.role.code()))).unwrap_or_default()
    }

    /// The sentence for `field`, if the form had a problem with it.
    pub fn problem(&self, field: &str) -> Option<&Problem> {
        self.problems.iter().find(|problem| problem.field == field)
    }

    /// Adds a refusal to the summary of problems, for a form that is shown again.
    #[must_use]
    pub fn with_problem(mut self, refused: &Refused) -> Self {
        self.problems.push(Problem {
            field: refused.field.unwrap_or_default().to_owned(),
            sentence: self.lang.refusal(refused),
            article: refused.article.clone(),
        });
        self
    }

    /// Answers with the page.
    ///
    /// # Errors
    /// The template can not be rendered.
    pub fn html(&self, template: &impl Template) -> Answer {
        self.html_with(StatusCode::OK, template)
    }

    /// Answers with the page and a status: 422 for a form that is shown again with its problems.
    ///
    /// # Errors
    /// The template can not be rendered.
    pub fn html_with(&self, status: StatusCode, template: &impl Template) -> Answer {
        Ok(HttpResponse::build(status)
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CONTENT_LANGUAGE, self.lang.code()))
            .body(template.render()?))
    }

    /// After a POST: on to `location` with a GET.
    pub fn see(location: impl Into<String>) -> HttpResponse {
        HttpResponse::SeeOther().insert_header((header::LOCATION, location.into())).finish()
    }

    /// Turns a refusal that belongs to a form into a problem of the page, and everything else into an answer.
    ///
    /// # Errors
    /// Faults, and refusals that are not about the form's content.
    pub fn or_problem<T>(self, result: Result<T, Failure>) -> Result<Result<T, Self>, Failed> {
        match result {
            Ok(value) => Ok(Ok(value)),
            // that the sender's line is full says nothing of the form, which may be sent again as it is
            Err(Failure::Refused(refused))
                if matches!(refused.status, 409 | 422 | 429) && refused.key != LINE_FULL =>
            {
                Ok(Err(self.with_problem(&refused)))
            }
            Err(other) => Err(other.into()),
        }
    }
}

impl FromRequest for Page {
    type Error = Failed;
    type Future = Ready<Result<Self, Failed>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let seen = extensions.get::<Seen>().cloned();
        let seen = seen.unwrap_or_else(|| Seen { lang: Lang::default(), csrf: String::new() });
        let door = request.app_data::<web::Data<Door>>();
        ready(Ok(Self {
            lang: seen.lang,
            who: extensions.get::<SignedIn>().and_then(|found| found.0.clone()),
            csrf: seen.csrf,
            path: request.uri().path_and_query().map_or_else(|| "/".into(), |path| path.as_str().to_owned()),
            now: door.map_or(Moment::from_micros(0), |door| door.now()),
            problems: Vec::new(),
            demo: door.is_some_and(|door| door.config().demo),
        }))
    }
}
