//! The problems that the operations of the API may answer with, as its document lists them.

use std::collections::BTreeMap;

use utoipa::ToSchema;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

/// The bytes of a picture.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[allow(dead_code)] // only described
pub(crate) struct Picture(Vec<u8>);

/// What a status means, wherever it is answered.
const MEANINGS: &[(u16, &str)] = &[
    (400, "The request is not written as it should be"),
    (401, "A token is needed, or this one is not known"),
    (
        403,
        "The token does not allow this, another site asked, or it is not switched on",
    ),
    (404, "There is no such thing"),
    (405, "This address is not asked that way"),
    (406, "No form of the answer that is accepted can be given"),
    (408, "The body came too slowly"),
    (
        409,
        "Another process is writing, or the state does not allow it",
    ),
    (410, "The file is gone or is not the picture any more"),
    (413, "The body or the picture is too large"),
    (415, "The content is not of a type that is read here"),
    (422, "Understood, but it cannot be done as asked"),
    (500, "The server failed"),
    (502, "The other server failed"),
    (503, "Too busy: ask again after Retry-After seconds"),
    (504, "The time limit is over"),
];

/// The entries for some statuses.
pub(crate) fn problems(statuses: &[u16]) -> BTreeMap<String, RefOr<Response>> {
    let entry = |&(status, meaning): &(u16, &str)| {
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name("Problem")))
            .build();
        let response = ResponseBuilder::new()
            .description(meaning)
            .content("application/problem+json", content)
            .build();
        (status.to_string(), RefOr::T(response))
    };
    MEANINGS
        .iter()
        .filter(|(status, _)| statuses.contains(status))
        .map(entry)
        .collect()
}

/// Declares a set of problems that operations name under `responses`.
macro_rules! answers {
    ($($(#[$doc:meta])* $name:ident: $($status:literal),+;)+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<
                String,
                utoipa::openapi::RefOr<utoipa::openapi::Response>,
            > {
                $crate::answers::problems(&[$($status),+])
            }
        }
    )+};
}
pub(crate) use answers;

answers! {
    /// Of what is looked up by name or number.
    Looking: 400, 401, 403, 404, 422, 500, 503, 504;
    /// Of what is listed.
    Listing: 400, 401, 403, 500, 503, 504;
    /// Of what needs no token.
    Open: 400, 401, 403, 500;
}
