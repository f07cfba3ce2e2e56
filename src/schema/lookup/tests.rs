//! Names are found by their beginnings, lengths and ends.

use super::{beginning, is_same};

#[test]
fn names_are_the_same_by_beginning_end_and_length() {
    let names = [
        "a",
        "a\0",
        "b",
        "kind",
        "metadata",
        "metadatb",
        "metadata\0",
        "containers",
        "containerz",
        "activeDeadlineSec",
        "activeDeadlineSex",
        "terminationGracePeriodSeconds",
        "terminationGracePeriodSecondz",
        "abcdefghXjklmnop",
        "abcdefghijklmnop",
        "abcdefghXjklmnopq",
        "abcdefghijklmnopq",
    ];
    for own in names {
        for name in names {
            let found = beginning(own) == beginning(name) && is_same(own, name);
            assert_eq!(found, own == name, "{own} {name}");
        }
    }
}
