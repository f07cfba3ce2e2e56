//! `openapi.v2.Document`.

use serde_json::Value;

use super::{
    FLAG, Form, Message, NUMBER, TEXT, TEXTS, WHOLE, entries, extensions, field, security,
};
use crate::schema::protobuf::{nested, put};

const DOCUMENT: Message = Message {
    fields: &[
        (1, "swagger", TEXT),
        (2, "info", Form::One(info)),
        (3, "host", TEXT),
        (4, "basePath", TEXT),
        (5, "schemes", TEXTS),
        (6, "consumes", TEXTS),
        (7, "produces", TEXTS),
        (8, "paths", Form::One(paths)),
        (9, "definitions", Form::Entries(schema)),
        (10, "parameters", Form::Entries(parameter)),
        (12, "security", Form::Many(security)),
        (13, "securityDefinitions", Form::Entries(scheme)),
    ],
    extensions: 16,
};

const INFO: Message = Message {
    fields: &[
        (1, "title", TEXT),
        (2, "version", TEXT),
        (3, "description", TEXT),
    ],
    extensions: 7,
};

const PATH: Message = Message {
    fields: &[
        (1, "$ref", TEXT),
        (2, "get", Form::One(operation)),
        (3, "put", Form::One(operation)),
        (4, "post", Form::One(operation)),
        (5, "delete", Form::One(operation)),
        (6, "options", Form::One(operation)),
        (7, "head", Form::One(operation)),
        (8, "patch", Form::One(operation)),
        (9, "parameters", Form::Many(parameter_or_reference)),
    ],
    extensions: 10,
};

const OPERATION: Message = Message {
    fields: &[
        (1, "tags", TEXTS),
        (2, "summary", TEXT),
        (3, "description", TEXT),
        (5, "operationId", TEXT),
        (6, "produces", TEXTS),
        (7, "consumes", TEXTS),
        (8, "parameters", Form::Many(parameter_or_reference)),
        (9, "responses", Form::One(responses)),
        (10, "schemes", TEXTS),
        (11, "deprecated", FLAG),
        (12, "security", Form::Many(security)),
    ],
    extensions: 13,
};

const RESPONSE: Message = Message {
    fields: &[
        (1, "description", TEXT),
        (2, "schema", Form::One(first_schema)),
    ],
    extensions: 5,
};

const REFERENCE: Message = Message {
    fields: &[(1, "$ref", TEXT), (2, "description", TEXT)],
    extensions: 0,
};

const BODY: Message = Message {
    fields: &[
        (1, "description", TEXT),
        (2, "name", TEXT),
        (3, "in", TEXT),
        (4, "required", FLAG),
        (5, "schema", Form::One(schema)),
    ],
    extensions: 6,
};

/// Parameters in the path and in headers have the same numbers.
const ELSEWHERE: Message = Message {
    fields: &[
        (1, "required", FLAG),
        (2, "in", TEXT),
        (3, "description", TEXT),
        (4, "name", TEXT),
        (5, "type", TEXT),
        (6, "format", TEXT),
        (8, "collectionFormat", TEXT),
        (9, "default", Form::Any),
        (10, "maximum", NUMBER),
        (12, "minimum", NUMBER),
        (16, "pattern", TEXT),
        (19, "uniqueItems", FLAG),
        (20, "enum", Form::Anys),
    ],
    extensions: 22,
};

/// Parameters in the query and in forms have one number more before their type.
const QUERY: Message = Message {
    fields: &[
        (1, "required", FLAG),
        (2, "in", TEXT),
        (3, "description", TEXT),
        (4, "name", TEXT),
        (5, "allowEmptyValue", FLAG),
        (6, "type", TEXT),
        (7, "format", TEXT),
        (9, "collectionFormat", TEXT),
        (10, "default", Form::Any),
        (11, "maximum", NUMBER),
        (13, "minimum", NUMBER),
        (17, "pattern", TEXT),
        (20, "uniqueItems", FLAG),
        (21, "enum", Form::Anys),
    ],
    extensions: 23,
};

const SCHEMA: Message = Message {
    fields: &[
        (1, "$ref", TEXT),
        (2, "format", TEXT),
        (3, "title", TEXT),
        (4, "description", TEXT),
        (5, "default", Form::Any),
        (6, "multipleOf", NUMBER),
        (7, "maximum", NUMBER),
        (8, "exclusiveMaximum", FLAG),
        (9, "minimum", NUMBER),
        (10, "exclusiveMinimum", FLAG),
        (11, "maxLength", WHOLE),
        (12, "minLength", WHOLE),
        (13, "pattern", TEXT),
        (14, "maxItems", WHOLE),
        (15, "minItems", WHOLE),
        (16, "uniqueItems", FLAG),
        (17, "maxProperties", WHOLE),
        (18, "minProperties", WHOLE),
        (19, "required", TEXTS),
        (20, "enum", Form::Anys),
        (21, "additionalProperties", Form::One(additional)),
        (22, "type", Form::One(types)),
        (23, "items", Form::One(items)),
        (24, "allOf", Form::Many(schema)),
        (25, "properties", Form::Entries(schema)),
        (27, "readOnly", FLAG),
        (29, "externalDocs", Form::One(docs)),
        (30, "example", Form::Any),
    ],
    extensions: 31,
};

const DOCS: Message = Message {
    fields: &[(1, "description", TEXT), (2, "url", TEXT)],
    extensions: 3,
};

const KEY: Message = Message {
    fields: &[
        (1, "type", TEXT),
        (2, "name", TEXT),
        (3, "in", TEXT),
        (4, "description", TEXT),
    ],
    extensions: 5,
};

/// The whole document.
pub fn document(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    DOCUMENT.write(&mut out, value);
    out
}

fn info(out: &mut Vec<u8>, value: &Value) {
    INFO.write(out, value);
}

fn paths(out: &mut Vec<u8>, value: &Value) {
    let Some(map) = value.as_object() else {
        return;
    };
    extensions(out, 1, map);
    entries(out, 2, value, |out, path| PATH.write(out, path));
}

fn operation(out: &mut Vec<u8>, value: &Value) {
    OPERATION.write(out, value);
}

fn responses(out: &mut Vec<u8>, value: &Value) {
    entries(out, 1, value, |out, response| {
        if response.get("$ref").is_some() {
            nested(out, 2, |out| REFERENCE.write(out, response));
        } else {
            nested(out, 1, |out| RESPONSE.write(out, response));
        }
    });
}

fn parameter_or_reference(out: &mut Vec<u8>, value: &Value) {
    if value.get("$ref").is_some() {
        nested(out, 2, |out| REFERENCE.write(out, value));
    } else {
        nested(out, 1, |out| parameter(out, value));
    }
}

fn parameter(out: &mut Vec<u8>, value: &Value) {
    let (number, message) = match value["in"].as_str() {
        Some("body") => return nested(out, 1, |out| BODY.write(out, value)),
        Some("header") => (1, &ELSEWHERE),
        Some("formData") => (2, &QUERY),
        Some("path") => (4, &ELSEWHERE),
        _ => (3, &QUERY),
    };
    nested(out, 2, |out| {
        nested(out, number, |out| message.write(out, value));
    });
}

fn schema(out: &mut Vec<u8>, value: &Value) {
    SCHEMA.write(out, value);
}

/// What is a schema or something else: a schema here.
fn first_schema(out: &mut Vec<u8>, value: &Value) {
    field(out, 1, Form::One(schema), value);
}

fn additional(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Bool(_) => put(out, 2, "bool", value, 0),
        value => first_schema(out, value),
    }
}

/// One type or several.
fn types(out: &mut Vec<u8>, value: &Value) {
    let kind = if value.is_array() {
        "*string"
    } else {
        "string"
    };
    put(out, 1, kind, value, 0);
}

/// One schema of items or several.
fn items(out: &mut Vec<u8>, value: &Value) {
    let form = if value.is_array() {
        Form::Many(schema)
    } else {
        Form::One(schema)
    };
    field(out, 1, form, value);
}

fn docs(out: &mut Vec<u8>, value: &Value) {
    DOCS.write(out, value);
}

/// A security scheme: a key, as Kubernetes has it.
fn scheme(out: &mut Vec<u8>, value: &Value) {
    nested(out, 2, |out| KEY.write(out, value));
}
