//! Who is asking: one extractor type for each role, and [`Among`] for several. A handler names in its signature who may
//! call it.

use super::role::Role;
use super::route::Access;
use super::rules::Person;
use crate::ledger::Actor;
use crate::party::rules::Organisation;
use crate::platform::id::Id;
use crate::platform::refusal::Refused;
use crate::platform::web::Failed;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use std::future::{Ready, ready};
use std::marker::PhantomData;

/// A person who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    pub person: Id<Person>,
    pub login: String,
    pub name: String,
    pub role: Role,
    pub organisation: Id<Organisation>,
    pub organisation_name: String,
    pub credit_code: String,
}

impl Who {
    /// This person as the actor of an act.
    pub fn actor(&self) -> Actor {
        Actor { id: self.person.to_string(), role: self.role.code().into() }
    }
}

/// Who is signed in with this request, if anybody; put there by the session middleware.
#[derive(Clone)]
pub(super) struct SignedIn(pub Option<Who>);

/// Whoever is signed in, in any role.
pub struct Anybody(pub Who);

/// Somebody in one of several roles: `Among(who, ..): Among<(Agent, Entity)>`.
pub struct Among<R>(pub Who, pub PhantomData<R>);

/// A role as a type: the extractor that is named like it.
pub trait OneRole {
    const ROLE: Role;
}

/// Several roles as a type: a tuple of extractors.
pub trait SomeRoles {
    const ROLES: &'static [Role];
}

/// Signed in or not.
pub struct Visitor(pub Option<Who>);

fn signed_in(request: &HttpRequest) -> Option<Who> {
    request.extensions().get::<SignedIn>().and_then(|found| found.0.clone())
}

fn required(request: &HttpRequest, role: Option<Role>) -> Result<Who, Failed> {
    let Some(who) = signed_in(request) else {
        let next = request.uri().path_and_query().map_or("/", |path| path.as_str());
        return Err(Failed::SignIn(if request.method().is_safe() {
            next.to_owned()
        } else {
            "/".to_owned()
        }));
    };
    match role {
        Some(role) if who.role != role => Err(Refused::new(403, "account.refusal.role").into()),
        _ => Ok(who),
    }
}

/// Whether a row with this access admits the request.
///
/// # Errors
/// 403 in the wrong role; on to the sign-in page for somebody who is not signed in.
pub(super) fn check(request: &HttpRequest, access: Access) -> Result<(), Failed> {
    if access == Access::Everybody {
        return Ok(());
    }
    let who = required(request, None)?;
    if access.admits(Some(who.role)) { Ok(()) } else { Err(Refused::new(403, "account.refusal.role").into()) }
}

impl FromRequest for Anybody {
    type Error = Failed;
    type Future = Ready<Result<Self, Failed>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(required(request, None).map(Self))
    }
}

impl FromRequest for Visitor {
    type Error = Failed;
    type Future = Ready<Result<Self, Failed>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(signed_in(request))))
    }
}

impl<R: SomeRoles> FromRequest for Among<R> {
    type Error = Failed;
    type Future = Ready<Result<Self, Failed>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(required(request, None).and_then(|who| match R::ROLES.contains(&who.role) {
            true => Ok(Self(who, PhantomData)),
            false => Err(Refused::new(403, "account.refusal.role").into()),
        }))
    }
}

macro_rules! some_roles {
    ($($($name:ident)+;)+) => { $(
        impl<$($name: OneRole),+> SomeRoles for ($($name,)+) {
            const ROLES: &'static [Role] = &[$($name::ROLE),+];
        }
    )+ };
}

some_roles! {
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
}

macro_rules! roles {
    ($($(#[$doc:meta])* $name:ident)+) => { $(
        $(#[$doc])*
        pub struct $name(pub Who);

        impl OneRole for $name {
            const ROLE: Role = Role::$name;
        }

        impl FromRequest for $name {
            type Error = Failed;
            type Future = Ready<Result<Self, Failed>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                ready(required(request, Some(Role::$name)).map(Self))
            }
        }
    )+ };
}

roles! {
    /// 投标人
    Bidder
    /// 招标代理
    Agent
    /// 招标人
    Entity
    /// 评标专家
    Expert
    /// 监督
    Supervisor
    /// 交易中心
    Centre
    /// 财务
    Treasurer
}
