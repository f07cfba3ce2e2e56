//! `openapi.v3.Document`.

use serde_json::Value;

use super::{
    FLAG, Form, Message, NUMBER, TEXT, TEXTS, WHOLE, entries, entry, extensions, security,
};
use crate::schema::protobuf::{nested, put};

const DOCUMENT: Message = Message {
    fields: &[
        (1, "openapi", TEXT),
        (2, "info", Form::One(info)),
        (4, "paths", Form::One(paths)),
        (5, "components", Form::One(components)),
        (6, "security", Form::Many(security)),
    ],
    extensions: 9,
};

const INFO: Message = Message {
    fields: &[
        (1, "title", TEXT),
        (2, "description", TEXT),
        (6, "version", TEXT),
    ],
    extensions: 7,
};

const COMPONENTS: Message = Message {
    fields: &[
        (1, "schemas", Form::Entries(schema)),
        (3, "parameters", Form::Entries(parameter)),
        (7, "securitySchemes", Form::Entries(scheme)),
    ],
    extensions: 10,
};

const PATH: Message = Message {
    fields: &[
        (1, "$ref", TEXT),
        (2, "summary", TEXT),
        (3, "description", TEXT),
        (4, "get", Form::One(operation)),
        (5, "put", Form::One(operation)),
        (6, "post", Form::One(operation)),
        (7, "delete", Form::One(operation)),
        (8, "options", Form::One(operation)),
        (9, "head", Form::One(operation)),
        (10, "patch", Form::One(operation)),
        (11, "trace", Form::One(operation)),
        (13, "parameters", Form::Many(parameter)),
    ],
    extensions: 14,
};

const OPERATION: Message = Message {
    fields: &[
        (1, "tags", TEXTS),
        (2, "summary", TEXT),
        (3, "description", TEXT),
        (5, "operationId", TEXT),
        (6, "parameters", Form::Many(parameter)),
        (7, "requestBody", Form::One(request)),
        (8, "responses", Form::One(responses)),
        (10, "deprecated", FLAG),
        (11, "security", Form::Many(security)),
    ],
    extensions: 13,
};

const PARAMETER: Message = Message {
    fields: &[
        (1, "name", TEXT),
        (2, "in", TEXT),
        (3, "description", TEXT),
        (4, "required", FLAG),
        (5, "deprecated", FLAG),
        (6, "allowEmptyValue", FLAG),
        (7, "style", TEXT),
        (8, "explode", FLAG),
        (9, "allowReserved", FLAG),
        (10, "schema", Form::One(schema)),
        (13, "content", Form::Entries(media)),
    ],
    extensions: 14,
};

const REQUEST: Message = Message {
    fields: &[
        (1, "description", TEXT),
        (2, "content", Form::Entries(media)),
        (3, "required", FLAG),
    ],
    extensions: 4,
};

const RESPONSE: Message = Message {
    fields: &[
        (1, "description", TEXT),
        (3, "content", Form::Entries(media)),
    ],
    extensions: 5,
};

const MEDIA: Message = Message {
    fields: &[(1, "schema", Form::One(schema)), (2, "example", Form::Any)],
    extensions: 5,
};

const REFERENCE: Message = Message {
    fields: &[
        (1, "$ref", TEXT),
        (2, "summary", TEXT),
        (3, "description", TEXT),
    ],
    extensions: 0,
};

const SCHEMA: Message = Message {
    fields: &[
        (1, "nullable", FLAG),
        (3, "readOnly", FLAG),
        (4, "writeOnly", FLAG),
        (6, "externalDocs", Form::One(docs)),
        (7, "example", Form::Any),
        (8, "deprecated", FLAG),
        (9, "title", TEXT),
        (10, "multipleOf", NUMBER),
        (11, "maximum", NUMBER),
        (12, "exclusiveMaximum", FLAG),
        (13, "minimum", NUMBER),
        (14, "exclusiveMinimum", FLAG),
        (15, "maxLength", WHOLE),
        (16, "minLength", WHOLE),
        (17, "pattern", TEXT),
        (18, "maxItems", WHOLE),
        (19, "minItems", WHOLE),
        (20, "uniqueItems", FLAG),
        (21, "maxProperties", WHOLE),
        (22, "minProperties", WHOLE),
        (23, "required", TEXTS),
        (24, "enum", Form::Anys),
        (25, "type", TEXT),
        (26, "allOf", Form::Many(schema)),
        (27, "oneOf", Form::Many(schema)),
        (28, "anyOf", Form::Many(schema)),
        (29, "not", Form::One(plain_schema)),
        (30, "items", Form::One(items)),
        (31, "properties", Form::Entries(schema)),
        (32, "additionalProperties", Form::One(additional)),
        (33, "default", Form::One(default)),
        (34, "description", TEXT),
        (35, "format", TEXT),
    ],
    extensions: 36,
};

const DOCS: Message = Message {
    fields: &[(1, "description", TEXT), (2, "url", TEXT)],
    extensions: 3,
};

const SCHEME: Message = Message {
    fields: &[
        (1, "type", TEXT),
        (2, "description", TEXT),
        (3, "name", TEXT),
        (4, "in", TEXT),
        (5, "scheme", TEXT),
        (6, "bearerFormat", TEXT),
    ],
    extensions: 9,
};

/// The whole document.
pub fn document(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    DOCUMENT.write(&mut out, value);
    out
}

/// What is spelt out (1) or is somewhere else (2).
fn or_reference(out: &mut Vec<u8>, message: &Message, value: &Value) {
    if value.get("$ref").is_some() {
        nested(out, 2, |out| REFERENCE.write(out, value));
    } else {
        nested(out, 1, |out| message.write(out, value));
    }
}

fn info(out: &mut Vec<u8>, value: &Value) {
    INFO.write(out, value);
}

fn components(out: &mut Vec<u8>, value: &Value) {
    COMPONENTS.write(out, value);
}

fn paths(out: &mut Vec<u8>, value: &Value) {
    entries(out, 1, value, |out, path| PATH.write(out, path));
}

fn operation(out: &mut Vec<u8>, value: &Value) {
    OPERATION.write(out, value);
}

fn parameter(out: &mut Vec<u8>, value: &Value) {
    or_reference(out, &PARAMETER, value);
}

fn request(out: &mut Vec<u8>, value: &Value) {
    or_reference(out, &REQUEST, value);
}

fn response(out: &mut Vec<u8>, value: &Value) {
    or_reference(out, &RESPONSE, value);
}

fn responses(out: &mut Vec<u8>, value: &Value) {
    let Some(map) = value.as_object() else {
        return;
    };
    if let Some(default) = map.get("default") {
        nested(out, 1, |out| response(out, default));
    }
    let is_code = |name: &&String| *name != "default" && !name.starts_with("x-");
    for (code, value) in map.iter().filter(|(name, _)| is_code(name)) {
        entry(out, 2, code, |out| response(out, value));
    }
    extensions(out, 3, map);
}

fn media(out: &mut Vec<u8>, value: &Value) {
    MEDIA.write(out, value);
}

fn schema(out: &mut Vec<u8>, value: &Value) {
    or_reference(out, &SCHEMA, value);
}

fn plain_schema(out: &mut Vec<u8>, value: &Value) {
    SCHEMA.write(out, value);
}

fn items(out: &mut Vec<u8>, value: &Value) {
    nested(out, 1, |out| schema(out, value));
}

fn additional(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Bool(_) => put(out, 2, "bool", value, 0),
        value => items(out, value),
    }
}

/// A default of the types that there are numbers for.
fn default(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Number(_) => put(out, 1, "double", value, 0),
        Value::Bool(_) => put(out, 2, "bool", value, 0),
        Value::String(_) => put(out, 3, "string", value, 0),
        _ => {}
    }
}

fn docs(out: &mut Vec<u8>, value: &Value) {
    DOCS.write(out, value);
}

fn scheme(out: &mut Vec<u8>, value: &Value) {
    or_reference(out, &SCHEME, value);
}
