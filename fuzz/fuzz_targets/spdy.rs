//! Any bytes as frames of SPDY, one after the other: no panic, and no more memory than they may
//! take.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mockernetes::server::spdy::frame::{CONTROL_BYTES_MAX, Control, HEAD_BYTES, Head};
use mockernetes::server::spdy::headers::Inflater;

fuzz_target!(|bytes: &[u8]| {
    let mut inflater = Inflater::default();
    let mut rest = bytes;
    while let Some((head, body)) = rest.split_first_chunk::<HEAD_BYTES>() {
        let Ok(head) = Head::parse(*head) else { return };
        let (Head::Data { length, .. } | Head::Control { length, .. }) = head;
        let Some((body, next)) = body.split_at_checked(length) else {
            return;
        };
        rest = next;
        let Head::Control { kind, flags, .. } = head else {
            continue;
        };
        assert!(length <= CONTROL_BYTES_MAX);
        let Ok(control) = Control::parse(kind, flags, body) else {
            return;
        };
        let (Control::Open { block, .. } | Control::Headers { block, .. }) = control else {
            continue;
        };
        let Ok(headers) = inflater.headers(&block) else {
            return;
        };
        let length: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        assert!(headers.len() <= 1000 && length < 4 << 20);
    }
});
