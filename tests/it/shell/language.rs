//! What scripts may say, as dash understands it.

use super::{machine, says, sh};

#[tokio::test]
async fn words_are_expanded_split_and_quoted() {
    says(&[
        ("x=5; echo $x \"$x\" '${x}' ${x}y", "5 5 ${x} 5y\n"),
        ("x='a  b'; echo $x; echo \"$x\"", "a b\na  b\n"),
        (
            "echo ${u:-def} ${u-two} \"${u:+alt}\" ${x:=set} $x",
            "def two  set set\n",
        ),
        (
            "x=a.tar.gz; echo ${x%.*} ${x%%.*} ${x#*.} ${x##*.} ${#x}",
            "a.tar a tar.gz gz 8\n",
        ),
        ("echo $(echo a; echo b) `echo c`", "a b c\n"),
        (
            "echo $((1+2*3)) $((7/2)) $((7%2)) $((5>3)) $((1?2:3))",
            "7 3 1 1 2\n",
        ),
        (
            "set -- a 'b c'; for i in \"$@\"; do echo \"[$i]\"; done",
            "[a]\n[b c]\n",
        ),
        ("IFS=:; x=a:b:c; set -- $x; echo $2 $#", "b 3\n"),
        ("echo \"${x:-it's}\"", "it's\n"),
    ])
    .await;
}

#[tokio::test]
async fn globs_become_sorted_paths_or_stay_what_they_are() {
    says(&[
        (
            "touch b a .h; echo *; echo [ab]; echo '*' none*",
            "a b\na b\n* none*\n",
        ),
        (
            "mkdir -p d/e; touch d/e/f.txt d/g.txt; echo d/*.txt */*/*",
            "d/g.txt d/e/f.txt\n",
        ),
    ])
    .await;
}

#[tokio::test]
async fn commands_are_joined_looped_and_chosen() {
    says(&[
        (
            "false || echo or; true && echo and; ! true; echo $?",
            "or\nand\n1\n",
        ),
        (
            "i=0; while [ $i -lt 3 ]; do echo $i; i=$((i+1)); done",
            "0\n1\n2\n",
        ),
        (
            "for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done",
            "1\n3\n",
        ),
        (
            "case a.txt in *.md) echo md;; *.txt|*.log) echo txt;; esac",
            "txt\n",
        ),
        (
            "f() { local x=2; echo $x $1 $#; return 3; }; x=1; f a b; echo $? $x",
            "2 a 2\n3 1\n",
        ),
        ("(cd /; pwd); x=1; (x=2); echo $x", "/\n1\n"),
        ("trap 'echo bye' EXIT; echo hi; exit 3", "hi\nbye\n"),
        ("(exit 4) & wait $!; echo $?", "4\n"),
        ("set -o pipefail; false | true; echo $?", "1\n"),
        ("set -e; true; false; echo never", ""),
    ])
    .await;
}

#[tokio::test]
async fn documents_keep_or_expand_what_is_in_them() {
    says(&[
        ("cat <<EOF\nsum $((1+1)) \\$z 'q'\nEOF", "sum 2 $z 'q'\n"),
        ("cat <<'EOF'\nkeep $HOME `x`\nEOF", "keep $HOME `x`\n"),
        ("cat <<-EOF\n\ttabbed\n\tEOF", "tabbed\n"),
        (
            "cat > f <<'A'\none\nA\ncat f; echo x 2>&1 >/dev/null",
            "one\n",
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_goes_wrong_is_said_as_dash_says_it() {
    says(&[
        ("nosuch; echo $?", "127\nsh: 1: nosuch: not found\n"),
        ("./nofile; echo $?", "127\nsh: 1: ./nofile: not found\n"),
        (
            "echo x > /no/f; echo $?",
            "2\nsh: 1: cannot create /no/f: Directory nonexistent\n",
        ),
        ("cat < nofile", "sh: 1: cannot open nofile: No such file\n"),
        ("set -u; echo $u; echo no", "sh: 1: u: parameter not set\n"),
        ("echo )", "sh: 1: Syntax error: \")\" unexpected\n"),
        (
            "cd /nowhere; echo $?",
            "2\nsh: 1: cd: can't cd to /nowhere\n",
        ),
        (
            "echo $((1/0))",
            "sh: 1: arithmetic expression: division by zero: \"1/0\"\n",
        ),
    ])
    .await;
    let ended = sh(&machine(), "exit 300").await;
    assert_eq!(ended.code, 44);
}

#[tokio::test]
async fn bash_has_braces_and_double_brackets() {
    let machine = machine();
    let script = "echo {a,b}{1..2}; [[ abc == a* && 3 -gt 2 ]] && echo yes; \
                  [[ v1.2 =~ ^v([0-9]+) ]] && echo $BASH_REMATCH; x=Ab; echo ${x^^} ${x,,} ${x:1}";
    let ended = super::fed(&machine, &["bash", "-c", script], b"").await;
    assert_eq!(ended.out, "a1 a2 b1 b2\nyes\nv1\nAB ab b\n");
}

#[tokio::test]
async fn recursion_without_end_is_stopped() {
    let ended = sh(&machine(), "f() { f; }; f; echo never").await;
    assert_eq!((ended.code, ended.out.as_str()), (2, ""));
    assert!(ended.err.contains("nested too deeply"), "{}", ended.err);
    let scripts = "echo 'x=$(sh ./r); eval \"sh ./r\"' > r; sh ./r";
    let ended = sh(&machine(), scripts).await;
    assert_ne!(ended.code, 0);
}

#[tokio::test]
async fn a_script_file_runs_by_its_first_line() {
    let script = "printf '#!/usr/bin/env bash\\necho {x,y} $1\\n' > s; ./s a; echo $?; \
                  chmod +x s; ./s a";
    let ended = sh(&machine(), script).await;
    assert_eq!(ended.out, "126\nx y a\n");
    assert_eq!(ended.err, "sh: 1: ./s: Permission denied\n");
}
