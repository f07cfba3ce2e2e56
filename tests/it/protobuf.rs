//! Bodies in protobuf.

use mockernetes::schema::protobuf::{ProtobufError, to_json};
use serde_json::json;

/// A field whose value is bytes: a text or a message.
fn bytes(number: u8, value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len()).unwrap();
    assert!(length < 0x80, "one byte has to do");
    [&[number << 3 | 2, length], value].concat()
}

fn number(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

/// The envelope around an object.
fn body(version: &str, kind: &str, object: &[u8]) -> Vec<u8> {
    let head = [bytes(1, version.as_bytes()), bytes(2, kind.as_bytes())].concat();
    [b"k8s\0".to_vec(), bytes(1, &head), bytes(2, object)].concat()
}

#[test]
fn a_config_map_reads_as_its_json() {
    let time = number(1, 1);
    let metadata = [bytes(1, b"a"), bytes(3, b"shop"), bytes(8, &time)].concat();
    let entry = [bytes(1, b"x"), bytes(2, b"1")].concat();
    let binary = [bytes(1, b"y"), bytes(2, &[0, 1])].concat();
    let map = [bytes(1, &metadata), bytes(2, &entry), bytes(3, &binary)].concat();
    let expected = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "a", "namespace": "shop", "creationTimestamp": "1970-01-01T00:00:01Z",
        },
        "data": { "x": "1" },
        "binaryData": { "y": "AAE=" },
    });
    assert_eq!(to_json(&body("v1", "ConfigMap", &map)), Ok(expected));
}

#[test]
fn what_go_embeds_stands_in_its_parent() {
    // A container's liveness probe: its handler is a message of its own in protobuf only.
    let port = [number(1, 1), bytes(3, b"http")].concat();
    let get = [bytes(1, b"/"), bytes(2, &port)].concat();
    let handler = bytes(2, &get);
    let probe = [bytes(1, &handler), number(2, 5)].concat();
    let amount = bytes(1, b"64Mi");
    let limit = [bytes(1, b"memory"), bytes(2, &amount)].concat();
    let resources = bytes(1, &limit);
    let container = [bytes(1, b"c"), bytes(8, &resources), bytes(10, &probe)].concat();
    let spec = bytes(2, &container);
    let pod = bytes(2, &spec);
    let expected = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "spec": {
            "containers": [{
                "name": "c",
                "resources": { "limits": { "memory": "64Mi" } },
                "livenessProbe": {
                    "httpGet": { "path": "/", "port": "http" },
                    "initialDelaySeconds": 5,
                },
            }],
        },
    });
    assert_eq!(to_json(&body("v1", "Pod", &pod)), Ok(expected));
}

#[test]
fn what_is_no_protobuf_of_a_known_kind_is_refused() {
    assert_eq!(to_json(b"{}"), Err(ProtobufError::NoPrefix));
    assert_eq!(to_json(b"k8s\0\x0a\x7f"), Err(ProtobufError::Malformed));
    let unknown = to_json(&body("v1", "Nothing", b""));
    assert!(
        matches!(unknown, Err(ProtobufError::Unknown { .. })),
        "{unknown:?}"
    );
}
