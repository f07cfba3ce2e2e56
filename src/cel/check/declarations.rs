//! What functions there are and what they take: the standard ones, the optional ones and those
//! that Kubernetes adds.
//!
//! A line is `name: (parameters) -> result` for a function, `name: target.(parameters) -> result`
//! for a method; capital letters alone are types to be found out.
//!
//! *Upstream:* `cel-go/common/stdlib`, `cel-go/ext`, `apiserver/pkg/cel/library`.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::cel::types::Type;

const TEXT: &str = "
!_: (bool) -> bool
_&&_: (bool, bool) -> bool
_||_: (bool, bool) -> bool
_?_:_: (bool, A, A) -> A
-_: (int) -> int
-_: (double) -> double
_+_: (int, int) -> int
_+_: (uint, uint) -> uint
_+_: (double, double) -> double
_+_: (string, string) -> string
_+_: (bytes, bytes) -> bytes
_+_: (list(A), list(A)) -> list(A)
_+_: (duration, duration) -> duration
_+_: (timestamp, duration) -> timestamp
_+_: (duration, timestamp) -> timestamp
_-_: (int, int) -> int
_-_: (uint, uint) -> uint
_-_: (double, double) -> double
_-_: (duration, duration) -> duration
_-_: (timestamp, timestamp) -> duration
_-_: (timestamp, duration) -> timestamp
_*_: (int, int) -> int
_*_: (uint, uint) -> uint
_*_: (double, double) -> double
_/_: (int, int) -> int
_/_: (uint, uint) -> uint
_/_: (double, double) -> double
_%_: (int, int) -> int
_%_: (uint, uint) -> uint
_==_: (A, A) -> bool
_!=_: (A, A) -> bool
@in: (A, list(A)) -> bool
@in: (A, map(A, B)) -> bool
_[_]: (list(A), int) -> A
_[_]: (map(A, B), A) -> B
_[_]: (optional(list(A)), int) -> optional(A)
_[_]: (optional(map(A, B)), A) -> optional(B)
_[?_]: (list(A), int) -> optional(A)
_[?_]: (map(A, B), A) -> optional(B)
_[?_]: (optional(list(A)), int) -> optional(A)
_[?_]: (optional(map(A, B)), A) -> optional(B)
size: (string) -> int
size: (bytes) -> int
size: (list(A)) -> int
size: (map(A, B)) -> int
size: string.() -> int
size: bytes.() -> int
size: list(A).() -> int
size: map(A, B).() -> int
contains: string.(string) -> bool
startsWith: string.(string) -> bool
endsWith: string.(string) -> bool
matches: string.(string) -> bool
matches: (string, string) -> bool
bool: (bool) -> bool
bool: (string) -> bool
int: (int) -> int
int: (uint) -> int
int: (double) -> int
int: (string) -> int
int: (timestamp) -> int
uint: (uint) -> uint
uint: (int) -> uint
uint: (double) -> uint
uint: (string) -> uint
double: (double) -> double
double: (int) -> double
double: (uint) -> double
double: (string) -> double
string: (string) -> string
string: (bool) -> string
string: (int) -> string
string: (uint) -> string
string: (double) -> string
string: (bytes) -> string
string: (timestamp) -> string
string: (duration) -> string
string: (net.IP) -> string
string: (net.CIDR) -> string
bytes: (bytes) -> bytes
bytes: (string) -> bytes
duration: (duration) -> duration
duration: (string) -> duration
timestamp: (timestamp) -> timestamp
timestamp: (string) -> timestamp
timestamp: (int) -> timestamp
dyn: (A) -> dyn
type: (A) -> type
getFullYear: timestamp.() -> int
getFullYear: timestamp.(string) -> int
getMonth: timestamp.() -> int
getMonth: timestamp.(string) -> int
getDayOfYear: timestamp.() -> int
getDayOfYear: timestamp.(string) -> int
getDayOfMonth: timestamp.() -> int
getDayOfMonth: timestamp.(string) -> int
getDate: timestamp.() -> int
getDate: timestamp.(string) -> int
getDayOfWeek: timestamp.() -> int
getDayOfWeek: timestamp.(string) -> int
getHours: timestamp.() -> int
getHours: timestamp.(string) -> int
getHours: duration.() -> int
getMinutes: timestamp.() -> int
getMinutes: timestamp.(string) -> int
getMinutes: duration.() -> int
getSeconds: timestamp.() -> int
getSeconds: timestamp.(string) -> int
getSeconds: duration.() -> int
getMilliseconds: timestamp.() -> int
getMilliseconds: timestamp.(string) -> int
getMilliseconds: duration.() -> int
optional.of: (A) -> optional(A)
optional.ofNonZeroValue: (A) -> optional(A)
optional.none: () -> optional(A)
hasValue: optional(A).() -> bool
value: optional(A).() -> A
or: optional(A).(optional(A)) -> optional(A)
orValue: optional(A).(A) -> A
charAt: string.(int) -> string
indexOf: string.(string) -> int
indexOf: string.(string, int) -> int
lastIndexOf: string.(string) -> int
lastIndexOf: string.(string, int) -> int
lowerAscii: string.() -> string
upperAscii: string.() -> string
replace: string.(string, string) -> string
replace: string.(string, string, int) -> string
split: string.(string) -> list(string)
split: string.(string, int) -> list(string)
substring: string.(int) -> string
substring: string.(int, int) -> string
trim: string.() -> string
join: list(string).() -> string
join: list(string).(string) -> string
format: string.(list(dyn)) -> string
strings.quote: (string) -> string
find: string.(string) -> string
findAll: string.(string) -> list(string)
findAll: string.(string, int) -> list(string)
isSorted: list(A).() -> bool
sum: list(A).() -> A
min: list(A).() -> A
max: list(A).() -> A
indexOf: list(A).(A) -> int
lastIndexOf: list(A).(A) -> int
sets.contains: (list(A), list(A)) -> bool
sets.equivalent: (list(A), list(A)) -> bool
sets.intersects: (list(A), list(A)) -> bool
url: (string) -> kubernetes.URL
isURL: (string) -> bool
getScheme: kubernetes.URL.() -> string
getHost: kubernetes.URL.() -> string
getHostname: kubernetes.URL.() -> string
getPort: kubernetes.URL.() -> string
getEscapedPath: kubernetes.URL.() -> string
getQuery: kubernetes.URL.() -> map(string, list(string))
quantity: (string) -> kubernetes.Quantity
isQuantity: (string) -> bool
sign: kubernetes.Quantity.() -> int
isInteger: kubernetes.Quantity.() -> bool
asInteger: kubernetes.Quantity.() -> int
asApproximateFloat: kubernetes.Quantity.() -> double
add: kubernetes.Quantity.(kubernetes.Quantity) -> kubernetes.Quantity
add: kubernetes.Quantity.(int) -> kubernetes.Quantity
sub: kubernetes.Quantity.(kubernetes.Quantity) -> kubernetes.Quantity
sub: kubernetes.Quantity.(int) -> kubernetes.Quantity
isGreaterThan: kubernetes.Quantity.(kubernetes.Quantity) -> bool
isLessThan: kubernetes.Quantity.(kubernetes.Quantity) -> bool
compareTo: kubernetes.Quantity.(kubernetes.Quantity) -> int
ip: (string) -> net.IP
ip: net.CIDR.() -> net.IP
isIP: (string) -> bool
ip.isCanonical: (string) -> bool
family: net.IP.() -> int
isUnspecified: net.IP.() -> bool
isLoopback: net.IP.() -> bool
isLinkLocalMulticast: net.IP.() -> bool
isLinkLocalUnicast: net.IP.() -> bool
isGlobalUnicast: net.IP.() -> bool
cidr: (string) -> net.CIDR
isCIDR: (string) -> bool
containsIP: net.CIDR.(net.IP) -> bool
containsIP: net.CIDR.(string) -> bool
containsCIDR: net.CIDR.(net.CIDR) -> bool
containsCIDR: net.CIDR.(string) -> bool
masked: net.CIDR.() -> net.CIDR
prefixLength: net.CIDR.() -> int
semver: (string) -> kubernetes.Semver
semver: (string, bool) -> kubernetes.Semver
isSemver: (string) -> bool
isSemver: (string, bool) -> bool
major: kubernetes.Semver.() -> int
minor: kubernetes.Semver.() -> int
patch: kubernetes.Semver.() -> int
isGreaterThan: kubernetes.Semver.(kubernetes.Semver) -> bool
isLessThan: kubernetes.Semver.(kubernetes.Semver) -> bool
compareTo: kubernetes.Semver.(kubernetes.Semver) -> int
format.named: (string) -> optional(kubernetes.NamedFormat)
format.dns1123Label: () -> kubernetes.NamedFormat
format.dns1123Subdomain: () -> kubernetes.NamedFormat
format.dns1035Label: () -> kubernetes.NamedFormat
format.qualifiedName: () -> kubernetes.NamedFormat
format.dns1123LabelPrefix: () -> kubernetes.NamedFormat
format.dns1123SubdomainPrefix: () -> kubernetes.NamedFormat
format.dns1035LabelPrefix: () -> kubernetes.NamedFormat
format.labelValue: () -> kubernetes.NamedFormat
format.uri: () -> kubernetes.NamedFormat
format.uuid: () -> kubernetes.NamedFormat
format.byte: () -> kubernetes.NamedFormat
format.date: () -> kubernetes.NamedFormat
format.datetime: () -> kubernetes.NamedFormat
validate: kubernetes.NamedFormat.(string) -> optional(list(string))
path: kubernetes.authorization.Authorizer.(string) -> kubernetes.authorization.PathCheck
group: kubernetes.authorization.Authorizer.(string) -> kubernetes.authorization.GroupCheck
serviceAccount: kubernetes.authorization.Authorizer.(string, string) -> kubernetes.authorization.Authorizer
resource: kubernetes.authorization.GroupCheck.(string) -> kubernetes.authorization.ResourceCheck
subresource: kubernetes.authorization.ResourceCheck.(string) -> kubernetes.authorization.ResourceCheck
namespace: kubernetes.authorization.ResourceCheck.(string) -> kubernetes.authorization.ResourceCheck
name: kubernetes.authorization.ResourceCheck.(string) -> kubernetes.authorization.ResourceCheck
fieldSelector: kubernetes.authorization.ResourceCheck.(string) -> kubernetes.authorization.ResourceCheck
labelSelector: kubernetes.authorization.ResourceCheck.(string) -> kubernetes.authorization.ResourceCheck
check: kubernetes.authorization.PathCheck.(string) -> kubernetes.authorization.Decision
check: kubernetes.authorization.ResourceCheck.(string) -> kubernetes.authorization.Decision
errored: kubernetes.authorization.Decision.() -> bool
error: kubernetes.authorization.Decision.() -> string
allowed: kubernetes.authorization.Decision.() -> bool
reason: kubernetes.authorization.Decision.() -> string
jsonpatch.escapeKey: (string) -> string
";

/// The types that are ordered, each with itself, and numbers with each other.
const ORDERED: &[&str] = &[
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "timestamp",
    "duration",
];

/// One way to call a function.
#[derive(Debug)]
pub(super) struct Overload {
    pub(super) target: Option<Type>,
    pub(super) args: Vec<Type>,
    pub(super) result: Type,
}

/// The ways to call a function of this name.
pub(super) fn overloads(name: &str) -> &'static [Overload] {
    static ALL: OnceLock<BTreeMap<String, Vec<Overload>>> = OnceLock::new();
    ALL.get_or_init(read).get(name).map_or(&[], Vec::as_slice)
}

/// Kinds that compare with each other.
const NUMBERS: [&str; 3] = ["int", "uint", "double"];

fn read() -> BTreeMap<String, Vec<Overload>> {
    let mut all: BTreeMap<String, Vec<Overload>> = BTreeMap::new();
    let mut add = |line: &str| {
        if let Some((name, overload)) = declaration(line) {
            all.entry(name.to_owned()).or_default().push(overload);
        }
    };
    TEXT.lines().for_each(&mut add);
    for operator in ["_<_", "_<=_", "_>_", "_>=_"] {
        for kind in ORDERED {
            add(&format!("{operator}: ({kind}, {kind}) -> bool"));
        }
        for left in NUMBERS {
            for right in NUMBERS.iter().filter(|right| **right != left) {
                add(&format!("{operator}: ({left}, {right}) -> bool"));
            }
        }
    }
    all
}

fn declaration(line: &str) -> Option<(&str, Overload)> {
    let (name, rest) = line.split_once(": ")?;
    let (call, result) = rest.rsplit_once(" -> ")?;
    // A method's parameters are the last thing in brackets, after a dot.
    let (target, args) = match call.rfind(".(") {
        Some(dot) => (Some(read_type(&call[..dot])?), &call[dot + 1..]),
        None => (None, call),
    };
    let args = args.strip_prefix('(')?.strip_suffix(')')?;
    let args = split(args)
        .into_iter()
        .map(read_type)
        .collect::<Option<_>>()?;
    let overload = Overload {
        target,
        args,
        result: read_type(result)?,
    };
    Some((name, overload))
}

/// The parts between commas that stand in no brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (index, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[start..index].trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    if !text[start..].trim().is_empty() {
        parts.push(text[start..].trim());
    }
    parts
}

fn read_type(text: &str) -> Option<Type> {
    if let Some((name, inner)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        let parts: Vec<Type> = split(inner)
            .into_iter()
            .map(read_type)
            .collect::<Option<_>>()?;
        let mut parts = parts.into_iter().map(Arc::new);
        return Some(match name {
            "list" => Type::List(parts.next()?),
            "map" => Type::Map(parts.next()?, parts.next()?),
            _ => Type::Optional(parts.next()?),
        });
    }
    Some(match text {
        "dyn" => Type::Dyn,
        "null" => Type::Null,
        "bool" => Type::Bool,
        "int" => Type::Int,
        "uint" => Type::Uint,
        "double" => Type::Double,
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "duration" => Type::Duration,
        "timestamp" => Type::Timestamp,
        "type" => Type::Type,
        "A" => Type::Parameter(0),
        "B" => Type::Parameter(1),
        "kubernetes.URL" => Type::Opaque("kubernetes.URL"),
        "kubernetes.Quantity" => Type::Opaque("kubernetes.Quantity"),
        "kubernetes.Semver" => Type::Opaque("kubernetes.Semver"),
        "kubernetes.NamedFormat" => Type::Opaque("kubernetes.NamedFormat"),
        "net.IP" => Type::Opaque("net.IP"),
        "net.CIDR" => Type::Opaque("net.CIDR"),
        "kubernetes.authorization.Authorizer" => {
            Type::Opaque("kubernetes.authorization.Authorizer")
        }
        "kubernetes.authorization.PathCheck" => Type::Opaque("kubernetes.authorization.PathCheck"),
        "kubernetes.authorization.GroupCheck" => {
            Type::Opaque("kubernetes.authorization.GroupCheck")
        }
        "kubernetes.authorization.ResourceCheck" => {
            Type::Opaque("kubernetes.authorization.ResourceCheck")
        }
        "kubernetes.authorization.Decision" => Type::Opaque("kubernetes.authorization.Decision"),
        _ => return None,
    })
}
