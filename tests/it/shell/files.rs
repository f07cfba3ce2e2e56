//! Files in memory, and volumes mounted among them.

use mockernetes::shell::fs::{Errno, Limits, Volume, Who};

use super::{clock, machine, sh, volume};

#[tokio::test]
async fn a_volume_is_shared_by_those_who_mount_it() {
    let (one, other, shared) = (machine(), machine(), volume());
    one.fs.mount("/data", &shared, "", false).unwrap();
    other.fs.mount("/mnt/x", &shared, "", false).unwrap();
    sh(&one, "echo hello > /data/f").await;
    assert_eq!(sh(&other, "cat /mnt/x/f").await.out, "hello\n");
}

#[tokio::test]
async fn a_read_only_mount_refuses_every_change() {
    let (machine, volume) = (machine(), volume());
    machine.fs.mount("/ro", &volume, "", true).unwrap();
    let ended = sh(
        &machine,
        "echo x > /ro/f; mkdir /ro/d; rm -rf /ro; touch /ro/t",
    )
    .await;
    assert_eq!(
        ended.err,
        "sh: 1: cannot create /ro/f: Read-only file system\n\
         mkdir: cannot create directory '/ro/d': Read-only file system\n\
         rm: cannot remove '/ro': Device or resource busy\n\
         touch: cannot touch '/ro/t': Read-only file system\n"
    );
}

#[tokio::test]
async fn a_part_of_a_volume_is_mounted_by_its_path() {
    let (machine, volume) = (machine(), volume());
    machine.fs.mount("/whole", &volume, "", false).unwrap();
    machine.fs.mount("/part", &volume, "a/b", false).unwrap();
    let ended = sh(
        &machine,
        "echo x > /part/f; ls /whole/a/b; ls -a /part/../part",
    )
    .await;
    assert_eq!(ended.out, "f\n.\n..\nf\n");
}

#[tokio::test]
async fn no_path_leads_out() {
    let machine = machine();
    let script = "cd /; ls ../../../.. | head -2; ln -s /../../etc /tmp/l; cat /tmp/l/hostname; \
                  ln -s loop /tmp/loop; cat /tmp/loop";
    let ended = sh(&machine, script).await;
    assert_eq!(ended.out, "bin\ndev\nlocalhost\n");
    assert_eq!(
        ended.err,
        "cat: /tmp/loop: Too many levels of symbolic links\n"
    );
}

#[tokio::test]
async fn a_full_volume_says_so_and_has_room_again() {
    let machine = machine();
    let limits = Limits {
        tree_bytes: 10_000,
        ..Limits::default()
    };
    let small = Volume::new(limits, clock().now());
    machine.fs.mount("/small", &small, "", false).unwrap();
    let ended = sh(&machine, "head -c 20000 /dev/zero > /small/f; echo $?").await;
    assert_eq!(ended.out, "1\n");
    assert!(
        ended.err.contains("No space left on device"),
        "{}",
        ended.err
    );
    let ended = sh(
        &machine,
        "rm -f /small/f; echo ok > /small/g && cat /small/g",
    )
    .await;
    assert_eq!(ended.out, "ok\n");
}

#[tokio::test]
async fn who_is_not_root_is_held_by_the_bits() {
    let mut machine = machine();
    machine.who = Who {
        uid: 1000,
        gid: 1000,
        groups: Vec::new(),
    };
    let ended = sh(
        &machine,
        "id -u; echo x > /etc/f; cat /root/f; echo y > /tmp/f && cat /tmp/f",
    )
    .await;
    assert_eq!(ended.out, "1000\ny\n");
    assert_eq!(
        ended.err,
        "sh: 1: cannot create /etc/f: Permission denied\n\
         cat: /root/f: Permission denied\n"
    );
    let refused = machine.fs.write("/etc/passwd", b"", 0o644, &machine.who);
    assert_eq!(refused, Err(Errno::Access));
}

#[tokio::test]
async fn what_is_open_lives_until_it_is_closed() {
    let ended = sh(&machine(), "echo a > f; exec 3< f; rm f; cat <&3; ls").await;
    assert_eq!((ended.out.as_str(), ended.err.as_str()), ("a\n", ""));
}
