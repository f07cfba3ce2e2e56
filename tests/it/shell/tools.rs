//! The programs that every container has.

use super::{fed, machine, says, sh};

#[tokio::test]
async fn text_is_cut_sorted_counted_and_replaced() {
    says(&[
        (
            "printf 'b\\na\\nb\\n' | sort | uniq -c",
            "      1 a\n      2 b\n",
        ),
        ("printf 'x:10\\ny:9\\n' | sort -t: -k2 -n", "y:9\nx:10\n"),
        (
            "echo a,b,c | cut -d, -f2-; echo abc | tr a-b A-B",
            "b,c\nABc\n",
        ),
        (
            "seq 10 | head -3 | tail -1; seq 5 | tail -n +4",
            "3\n4\n5\n",
        ),
        ("printf 'one two\\n' | wc -w; printf 'ab' | wc -c", "2\n2\n"),
        (
            "echo hello | sed 's/l/L/g; s/\\(h\\)\\(e\\)/\\2\\1/'",
            "ehLLo\n",
        ),
        ("seq 5 | sed -n '2,3p'; seq 3 | sed 2d", "2\n3\n1\n3\n"),
        ("echo a:b | awk -F: '{print $2, NF}'", "b 2\n"),
        (
            "printf 'a 1\\nb 2\\na 3\\n' | awk '{s[$1]+=$2} END {print s[\"a\"]}'",
            "4\n",
        ),
        (
            "awk 'BEGIN { for (i = 0; i < 3; i++) printf \"%02d \", i }'",
            "00 01 02 ",
        ),
        ("printf 'a\\nb\\n' | xargs -I{} echo '<{}>'", "<a>\n<b>\n"),
        (
            "echo hello | base64; echo aGVsbG8K | base64 -d",
            "aGVsbG8K\nhello\n",
        ),
        ("printf x | md5sum", "9dd4e461268c8034f5c8564e155c67a6  -\n"),
        (
            "expr 2 '*' 3; basename /a/b.txt .txt; dirname /a/b.txt",
            "6\nb\n/a\n",
        ),
    ])
    .await;
}

#[tokio::test]
async fn trees_are_searched() {
    let machine = machine();
    let script = "mkdir -p src/lib; echo 'fn main' > src/main.rs; echo 'fn help' > src/lib/a.rs; \
                  grep -rn fn src | sort; find src -name '*.rs' -type f | sort; \
                  grep -rl help src; grep -q nothing -r src; echo $?";
    let ended = sh(&machine, script).await;
    assert_eq!(
        ended.out,
        "src/lib/a.rs:1:fn help\nsrc/main.rs:1:fn main\n\
         src/lib/a.rs\nsrc/main.rs\nsrc/lib/a.rs\n1\n"
    );
}

#[tokio::test]
async fn an_archive_keeps_bytes_modes_and_links() {
    let machine = machine();
    let make = "mkdir -p t/d; printf '\\000\\377\\n' > t/bin; chmod 750 t/bin; ln -s bin t/l; \
                head -c 100000 /dev/zero > t/d/big; tar czf - t | (mkdir o; cd o; tar xzf -); \
                cd o; stat -c '%a %s' t/bin; readlink t/l; wc -c < t/d/big; \
                od -An -tx1 t/bin; diff -r ../t t && echo same";
    let ended = sh(&machine, make).await;
    assert_eq!(ended.err, "");
    assert_eq!(ended.out, "750 3\nbin\n100000\n 00 ff 0a\nsame\n");
}

#[tokio::test]
async fn an_archive_does_not_lead_out_of_its_folder() {
    let machine = machine();
    let made = sh(
        &machine,
        "cd /tmp; echo x > e; tar cf e.tar e; sed -i 's/^e/../' e.tar",
    )
    .await;
    assert_eq!(made.code, 0);
    let head = sh(&machine, "mkdir o; tar xf e.tar -C o 2>&1; ls -A o").await;
    assert!(!head.out.contains("\ne\n"), "{}", head.out);
}

#[tokio::test]
async fn files_are_made_moved_and_removed() {
    says(&[
        ("mkdir -p a/b; touch a/b/c; ls -R a", "a:\nb\n\na/b:\nc\n"),
        ("echo x > f; cp f g; mv g h; cat h; rm f h; ls", "x\n"),
        (
            "rm nofile; rm -f nofile; echo $?",
            "0\nrm: cannot remove 'nofile': No such file or directory\n",
        ),
        (
            "mkdir d; rm d; rmdir d; ls",
            "rm: cannot remove 'd': Is a directory\n",
        ),
        (
            "ls /nowhere; echo $?",
            "2\nls: cannot access '/nowhere': No such file or directory\n",
        ),
        (
            "cat /nowhere; echo $?",
            "1\ncat: /nowhere: No such file or directory\n",
        ),
        ("echo k=v > c; sed -i s/v/w/ c; cat c", "k=w\n"),
        (
            "which ls; command -v cat; ls -d /bin/sh",
            "/usr/bin/ls\n/usr/bin/cat\n/bin/sh\n",
        ),
    ])
    .await;
}

#[tokio::test]
async fn time_is_the_clusters() {
    let machine = machine();
    let ended = sh(
        &machine,
        "date -u +%FT%TZ; touch f; stat -c %y f | cut -c1-19",
    )
    .await;
    assert_eq!(ended.out, "2026-01-02T03:04:05Z\n2026-01-02 03:04:05\n");
}

#[tokio::test]
async fn what_is_typed_in_is_read() {
    let ended = fed(
        &machine(),
        &["sh"],
        b"read x\nhello\necho \"got $x\"\nexit 5\n",
    )
    .await;
    assert_eq!((ended.code, ended.out.as_str()), (5, "got hello\n"));
    let ended = fed(&machine(), &["cat", "-n"], b"a\nb").await;
    assert_eq!(ended.out, "     1\ta\n     2\tb");
}
