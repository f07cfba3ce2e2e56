//! Connections that become something else: watches over WebSocket, each event a message, and what
//! another server has agreed upon with a client.
//!
//! *Invariant:* knows frames and no events; what a client sends is read for its control frames.
//! *Upstream:* `apiserver/pkg/endpoints/handlers/watch.go` (`HandleWS`), RFC 6455.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::encode::{Answer, Payload};
use super::pods::Opening;
use crate::sim::Spawn;

/// What a key is signed with to show that it was read as one.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The last frame of a message, of these kinds.
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// A client that would rather have something else on its connection than answers.
pub(super) struct Wish {
    /// What a client of WebSockets wants to see signed.
    key: Option<HeaderValue>,
    upgrade: OnUpgrade,
}

/// The wish of a request, where it has one.
pub(super) fn wish<B>(request: &mut Request<B>) -> Option<Wish> {
    let headers = request.headers();
    let upgrade = headers.get(UPGRADE)?.to_str().ok()?;
    let is_ours = request.method() == Method::GET && upgrade.eq_ignore_ascii_case("websocket");
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| is_ours).cloned();
    let upgrade = hyper::upgrade::on(request);
    Some(Wish { key, upgrade })
}

/// Grants it where another server has, and where the answer is events; other answers stay as they
/// are.
pub(super) fn grant(mut answer: Answer, wish: Option<Wish>, spawn: &Spawn) -> Answer {
    let is_watch = matches!(answer.body(), Payload::Events(_)) && answer.status() == StatusCode::OK;
    let Some(wish) = wish else {
        return answer;
    };
    if let Some(Granted(far)) = answer.extensions_mut().remove() {
        spawn(Box::pin(carry(wish.upgrade, far)));
        return answer;
    }
    if let Some(opening) = answer.extensions_mut().remove::<Opening>() {
        opening.begin(wish.upgrade);
        return answer;
    }
    let Some(key) = wish.key.filter(|_| is_watch) else {
        return answer;
    };
    let (parts, events) = answer.into_parts();
    let is_text = parts.headers.get(CONTENT_TYPE) == Some(&HeaderValue::from_static(JSON));
    let upgrade = wish.upgrade;
    spawn(Box::pin(async move {
        if let Ok(connection) = upgrade.await {
            // A client that is gone has read enough.
            let _ = send(TokioIo::new(connection), events, is_text).await;
        }
    }));
    let mut out = Answer::new(Payload::whole(Bytes::new()));
    *out.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    sign(&key, out.headers_mut());
    out
}

/// Shows a client of WebSockets that its key was read as one.
pub(super) fn sign(key: &HeaderValue, headers: &mut HeaderMap) {
    let signed = [key.as_bytes(), GUID.as_bytes()].concat();
    let signed = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &signed));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(signed) = HeaderValue::from_str(&signed) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, signed);
    }
}

/// The connection to another server that has granted a wish; goes with its answer.
#[derive(Clone)]
pub(super) struct Granted(pub(super) OnUpgrade);

/// Carries what comes at one end to the other, until either has closed.
async fn carry(near: OnUpgrade, far: OnUpgrade) {
    if let (Ok(near), Ok(far)) = tokio::join!(near, far) {
        let (mut near, mut far) = (TokioIo::new(near), TokioIo::new(far));
        // Whoever is gone has heard enough.
        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
    }
}

const JSON: &str = "application/json";

/// Sends events until there are no more, or the client is gone.
async fn send<I>(io: I, mut events: Payload, is_text: bool) -> std::io::Result<()>
where
    I: AsyncRead + AsyncWrite,
{
    let (mut reader, mut writer) = tokio::io::split(io);
    let (mut gathered, mut received) = (BytesMut::new(), BytesMut::new());
    let kind = if is_text { TEXT } else { BINARY };
    loop {
        let mut out = BytesMut::new();
        tokio::select! {
            frame = events.frame() => {
                let Some(Ok(frame)) = frame else { break };
                if let Ok(data) = frame.into_data() {
                    gathered.put(data);
                }
                while let Some(event) = event(&mut gathered, is_text) {
                    put(&mut out, kind, &event);
                }
            }
            length = reader.read_buf(&mut received) => {
                if length? == 0 {
                    return Ok(());
                }
                while let Some((kind, data)) = control(&mut received) {
                    match kind {
                        CLOSE => {
                            received.clear();
                            put(&mut out, CLOSE, &[]);
                            writer.write_all(&out).await?;
                            return writer.shutdown().await;
                        }
                        PING => put(&mut out, PONG, &data),
                        _ => {}
                    }
                }
            }
        }
        writer.write_all(&out).await?;
        writer.flush().await?;
    }
    let mut out = BytesMut::new();
    put(&mut out, CLOSE, &[]);
    writer.write_all(&out).await?;
    writer.shutdown().await
}

/// The next whole event of a body: a line of JSON, or as many bytes as its first four say.
fn event(gathered: &mut BytesMut, is_text: bool) -> Option<Bytes> {
    if is_text {
        let end = gathered.iter().position(|byte| *byte == b'\n')?;
        let line = gathered.split_to(end).freeze();
        gathered.advance(1);
        return Some(line);
    }
    let head = gathered.first_chunk::<4>()?;
    let length = u32::from_be_bytes(*head) as usize;
    if gathered.len() < 4 + length {
        return None;
    }
    gathered.advance(4);
    Some(gathered.split_to(length).freeze())
}

/// Writes a message in one frame.
fn put(out: &mut BytesMut, kind: u8, data: &[u8]) {
    out.put_u8(kind);
    match data.len() {
        length @ ..126 => out.put_u8(length as u8),
        length @ ..0x1_0000 => {
            out.put_u8(126);
            out.put_u16(length as u16);
        }
        length => {
            out.put_u8(127);
            out.put_u64(length as u64);
        }
    }
    out.put_slice(data);
}

/// The next frame of a client: its first byte, and what it holds where it is short. A longer one
/// is passed over as it comes: nobody reads what a watcher has to say.
fn control(received: &mut BytesMut) -> Option<(u8, Vec<u8>)> {
    let [kind, length] = *received.first_chunk::<2>()?;
    let length = usize::from(length & 0x7f);
    if length > 125 {
        received.clear();
        return None;
    }
    if received.len() < 6 + length {
        return None;
    }
    received.advance(2);
    let mask = received.split_to(4);
    let data = received.split_to(length);
    let clear = data.iter().zip(mask.iter().cycle());
    Some((kind, clear.map(|(byte, mask)| byte ^ mask).collect()))
}
