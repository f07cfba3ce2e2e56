//! The subject that a certificate signing request asks for.
//!
//! *Upstream:* `pkg/apis/certificates/helpers.go` (`ParseCSR`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::auth::der::{self, Reader};
use crate::object::Object;

/// The values of an attribute of a request's subject; `None` where the request is none.
pub(in crate::admission::plugins) fn subject(
    request: &Object,
    attribute: u8,
) -> Option<Vec<String>> {
    let pem = STANDARD.decode(request.text(&["spec", "request"])).ok()?;
    let pem = String::from_utf8(pem).ok()?;
    let body: String = pem
        .lines()
        .skip_while(|line| !line.starts_with("-----BEGIN"))
        .skip(1)
        .take_while(|line| !line.starts_with("-----END"))
        .map(str::trim)
        .collect();
    let bytes = STANDARD.decode(body).ok()?;
    let signed = Reader::new(&bytes).expect(der::SEQUENCE)?;
    let mut info = signed.inside().expect(der::SEQUENCE)?.inside();
    info.expect(der::INTEGER)?;
    Some(der::attributes(info.expect(der::SEQUENCE)?, attribute))
}
