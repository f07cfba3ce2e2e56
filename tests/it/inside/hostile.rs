//! Clients that speak nonsense: their own connection ends, and nothing else.

use bytes::{BufMut, BytesMut};
use mockernetes::server::spdy::frame::{Control, Head};
use mockernetes::server::spdy::headers::{Deflater, Inflater, parse};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::upgrade::websocket;
use super::{cluster, path, spdy};

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % below
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next(256) as u8).collect()
    }
}

const CAT: &str = "exec?container=web&command=cat&stdin=1&stdout=1";

/// Whether a command still runs as it should.
async fn all_is_well(cluster: &mockernetes::Cluster) {
    let target = path("exec?container=web&command=echo&command=well&stdout=1");
    let (mut socket, _) = websocket(cluster, &target, "v4.channel.k8s.io").await;
    assert_eq!(socket.hear().await.stdout, b"well\n");
}

#[tokio::test]
async fn frames_that_are_none_end_their_connection_alone() {
    let cluster = cluster().await;
    let mut chance = Chance(7);
    for round in 0..40 {
        let (mut spdy, _) = spdy::open(&cluster, &path(CAT), "v4.channel.k8s.io").await;
        if round % 2 == 0 {
            spdy.open(&[("streamtype", "error")]).await;
        }
        let length = 1 + chance.next(2000);
        let mut nonsense = chance.bytes(length);
        // Mostly control frames of the right version, since others are refused at once.
        nonsense[0] = 0x80;
        if let [_, version, _, kind, ..] = &mut nonsense[..] {
            *version = 3;
            *kind %= 12;
        }
        // The server may have hung up before all was sent.
        let _ = spdy.io.write_all(&nonsense).await;
        let _ = spdy.io.shutdown().await;
        let mut rest = Vec::new();
        let _ = spdy.io.read_to_end(&mut rest).await;
    }
    all_is_well(&cluster).await;
}

#[tokio::test]
async fn a_control_frame_that_is_too_large_is_not_waited_for() {
    let cluster = cluster().await;
    let (mut spdy, _) = spdy::open(&cluster, &path(CAT), "v4.channel.k8s.io").await;
    let mut head = BytesMut::new();
    head.put_u32(0x8003_0001);
    head.put_u32(0x00ff_ffff);
    spdy.raw(&head).await;
    spdy.read_all().await;
    assert!(spdy.has_gone);
    all_is_well(&cluster).await;
}

#[tokio::test]
async fn headers_that_swell_are_not_unpacked() {
    let mut encoder = flate2::Compress::new(flate2::Compression::best(), false);
    let mut block = Deflater::default().block(&[]);
    let zeros = vec![0; 10 << 20];
    let mut packed = Vec::with_capacity(1 << 20);
    encoder
        .compress_vec(&zeros, &mut packed, flate2::FlushCompress::Sync)
        .unwrap();
    assert!(packed.len() < 64 << 10);
    block.extend(packed);
    let refused = Inflater::default().headers(&block).unwrap_err();
    assert_eq!(refused.to_string(), "headers that are too large");
}

#[test]
fn headers_of_many_values_are_not_told_apart() {
    let (name, values) = ("a".repeat(1000), "\0".repeat(100_000));
    let block = Deflater::default().block(&[(&name[..], &values[..])]);
    let refused = Inflater::default().headers(&block).unwrap_err();
    assert_eq!(refused.to_string(), "too many headers");
}

#[test]
fn no_bytes_break_what_reads_them() {
    let mut chance = Chance(11);
    let good = Deflater::default().block(&[("streamtype", "data"), ("port", "80")]);
    let mut refused = 0;
    for _ in 0..20_000 {
        let length = chance.next(64);
        let bytes = chance.bytes(length);
        let kind = chance.next(12) as u16;
        refused += u32::from(Control::parse(kind, 0, &bytes).is_err());
        refused += u32::from(parse(&bytes).is_err());
        let mut head = [0; 8];
        head.copy_from_slice(&chance.bytes(8));
        refused += u32::from(Head::parse(head).is_err());
        let mut block = good.clone();
        let at = chance.next(block.len());
        block[at] = chance.next(256) as u8;
        block.truncate(1 + chance.next(good.len()));
        refused += u32::from(Inflater::default().headers(&block).is_err());
    }
    assert!(refused > 20_000, "{refused}");
}

#[tokio::test]
async fn messages_that_are_none_end_their_connection_alone() {
    let cluster = cluster().await;
    let mut chance = Chance(13);
    for _ in 0..40 {
        let (socket, _) = websocket(&cluster, &path(CAT), "v5.channel.k8s.io").await;
        let mut io = socket.0.into_inner();
        let length = 1 + chance.next(500);
        let nonsense = chance.bytes(length);
        let _ = io.write_all(&nonsense).await;
        let _ = io.shutdown().await;
        let mut rest = Vec::new();
        let _ = io.read_to_end(&mut rest).await;
    }
    all_is_well(&cluster).await;
}

#[tokio::test]
async fn pings_are_answered_and_even_streams_reset() {
    let cluster = cluster().await;
    let (mut spdy, _) = spdy::open(&cluster, &path(CAT), "v4.channel.k8s.io").await;
    spdy.control(6, 0, &[0, 0, 0, 5]).await;
    spdy.until(|spdy| spdy.pings == [5]).await;
    let block = Deflater::default().block(&[("streamtype", "error")]);
    let body = [&[0, 0, 0, 2, 0, 0, 0, 0, 0, 0], &block[..]].concat();
    spdy.control(1, 0, &body).await;
    spdy.until(|spdy| spdy.streams.get(&2).is_some_and(|stream| stream.is_reset))
        .await;
}

#[tokio::test]
async fn who_keeps_windows_is_not_sent_more_than_fits() {
    let cluster = cluster().await;
    let (mut spdy, _) = spdy::open(&cluster, &path(CAT), "v4.channel.k8s.io").await;
    // Settings: a window holds a thousand bytes.
    spdy.control(4, 0, &[0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 3, 232])
        .await;
    spdy.open(&[("streamtype", "error")]).await;
    let stdin = spdy.open(&[("streamtype", "stdin")]).await;
    let stdout = spdy.open(&[("streamtype", "stdout")]).await;
    spdy.send(stdin, &[7; 1500], true).await;
    spdy.until(|spdy| spdy.streams[&stdout].data.len() == 1000)
        .await;
    spdy.control(6, 0, &[0, 0, 0, 1]).await;
    spdy.until(|spdy| spdy.pings == [1]).await;
    assert_eq!(spdy.streams[&stdout].data.len(), 1000);
    let update = [&stdout.to_be_bytes()[..], &[0, 0, 3, 232]].concat();
    spdy.control(9, 0, &update).await;
    spdy.read_all().await;
    assert_eq!(spdy.streams[&stdout].data.len(), 1500);
}
