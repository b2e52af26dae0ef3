// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Who owns a TCP socket, told the moment it is known. Built twice (scripts/build-bpf.sh): with TIER_A for kernels that
// have the sock_send_length/sock_recv_length tracepoints (6.3), else with fexit on the functions around them.
//
//  - connect(2): set_state to SYN_SENT runs in the process that connects; its identity is kept in socket storage and sent
//    at ESTABLISHED, when the ports are known. (There `current` is whoever the softirq interrupted.)
//  - accept(2): who accepts may hand the socket on (prefork, fd passing), so a server's socket belongs to whoever first
//    reads or writes it; a later change of hands is sent again.
//  - the first time a process is met its command line and executable are sent: it may be gone before /proc can be read.
//  - with emit_turns: when a process starts to write after it read, both times are sent (the kernel time split).
// Layout of the records: record.ts reads them; keep both alike.
#include <linux/bpf.h>
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_MPTCP 262
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_CLOSE 7
#define TCP_LISTEN 10
#define ARGS 512
#define PARTS 14
#define PART 64

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum { KIND_OWNER = 1, KIND_CLOSE = 2, KIND_PROCESS = 3, KIND_TURN = 4, KIND_SEED = 5 };
enum { ROLE_CLIENT = 1, ROLE_USED = 2 };

struct process {
  __u64 start, exec_id, cgroup_id;
  __u32 tgid, tid, ppid, uid, gid, net, mnt, pid_ns;
  char comm[16];
}; // 72
struct owner {
  struct process who;
  __u64 read_at, cookie;
  __u32 role;
  __u32 reading;
};
struct socket_record {
  __u64 time, cookie;
  __u8 kind, role, family, state;
  __u16 local_port, remote_port;
  __u8 local[16], remote[16];
  __u32 net, pad;
  struct process who;
}; // 136
struct close_record {
  __u64 time, cookie;
  __u8 kind, pad[7];
}; // 24
struct turn_record {
  __u64 time, cookie;
  __u8 kind, pad[7];
  __u64 read_at;
}; // 32
struct process_record {
  __u64 time, cookie;
  __u8 kind, pad[3];
  __u32 args_length;
  struct process who;
  char args[ARGS];
  __u32 parts, pad2;
  char path[PARTS][PART]; // of the executable, from its own name up to the root; empty ones do not count
}; // 1512

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4 << 20);
} ring SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct owner);
} owners SEC(".maps");
struct generation {
  __u64 start, exec_id;
};
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 8192);
  __type(key, __u32);
  __type(value, struct generation);
} seen SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} lost SEC(".maps");

const volatile __u32 emit_turns = 1;

static __always_inline void count_lost(void) {
  __u32 zero = 0;
  __u64 *counter = bpf_map_lookup_elem(&lost, &zero);
  if (counter) __sync_fetch_and_add(counter, 1);
}

static __always_inline bool is_tcp(struct sock *sk) {
  __u16 family = sk->__sk_common.skc_family;
  return (family == AF_INET || family == AF_INET6) &&
         // the socket of a Multipath TCP connection has the names of its first subflow, which is a TCP socket of its own
         (sk->sk_protocol == IPPROTO_TCP || sk->sk_protocol == IPPROTO_MPTCP);
}

static __always_inline void describe(struct process *who, struct task_struct *task) {
  struct task_struct *leader = BPF_CORE_READ(task, group_leader);
  struct pid *pid = BPF_CORE_READ(leader, thread_pid);
  struct upid inside = {};
  who->start = BPF_CORE_READ(leader, start_boottime);
  who->exec_id = BPF_CORE_READ(leader, self_exec_id);
  who->cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
  who->tgid = BPF_CORE_READ(task, tgid);
  who->tid = BPF_CORE_READ(task, pid);
  who->ppid = BPF_CORE_READ(leader, real_parent, tgid);
  who->uid = BPF_CORE_READ(task, cred, euid.val);
  who->gid = BPF_CORE_READ(task, cred, egid.val);
  who->net = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
  who->mnt = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
  // the namespace the process lives in is the innermost one its pid has a number in
  bpf_probe_read_kernel(&inside, sizeof(inside), __builtin_preserve_access_index(&pid->numbers[0]) + BPF_CORE_READ(pid, level));
  who->pid_ns = BPF_CORE_READ(inside.ns, ns.inum);
  BPF_CORE_READ_STR_INTO(&who->comm, leader, comm);
}

// Names on the way from the executable up to the root of its mount namespace; none when it is too long a way. A global
// function: the kernel's verifier looks at it once, and not again for every way through it in those that call it.
__noinline int locate(struct process_record *record, __u64 address) {
  struct mm_struct *mm = (void *)address;
  if (!record) return 0;
  struct dentry *at = BPF_CORE_READ(mm, exe_file, f_path.dentry);
  struct vfsmount *mounted = BPF_CORE_READ(mm, exe_file, f_path.mnt);
  __u64 inside = bpf_core_field_offset(struct mount, mnt);
  record->parts = 0;
  // a step writes its own slot, empty for one over a mount point, so that all ways to a step look alike to the verifier
  for (int step = 0; step < PARTS; step++) {
    record->path[step][0] = 0;
    if (at == BPF_CORE_READ(mounted, mnt_root)) {
      struct mount *mount = (void *)mounted - inside, *parent = BPF_CORE_READ(mount, mnt_parent);
      if (mount == parent) {
        record->parts = step;
        return 0;
      }
      at = BPF_CORE_READ(mount, mnt_mountpoint);
      mounted = (void *)parent + inside;
    } else {
      struct dentry *up = BPF_CORE_READ(at, d_parent);
      if (up == at) return 0;
      if (bpf_probe_read_kernel_str(record->path[step], PART, BPF_CORE_READ(at, d_name.name)) == PART) return 0;
      at = up;
    }
  }
  return 0;
}

// Sends command line and executable of a process met for the first time, or again after exec. Only for the current one.
static __always_inline void introduce(struct process *who, struct task_struct *task) {
  struct generation *known = bpf_map_lookup_elem(&seen, &who->tgid);
  if (known && known->start == who->start && known->exec_id == who->exec_id) return;
  struct process_record *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
  if (!record) {
    count_lost();
    return;
  }
  unsigned long from = BPF_CORE_READ(task, mm, arg_start), to = BPF_CORE_READ(task, mm, arg_end);
  __u64 length = to - from;
  if (length > ARGS - 1) length = ARGS - 1;
  record->time = bpf_ktime_get_ns();
  record->cookie = 0;
  record->kind = KIND_PROCESS;
  record->who = *who;
  record->args_length = 0;
  if (from && to > from && bpf_probe_read_user(record->args, length & (ARGS - 1), (void *)from) == 0)
    record->args_length = length;
  locate(record, (__u64)BPF_CORE_READ(task, mm));
  bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
  struct generation now = {.start = who->start, .exec_id = who->exec_id};
  bpf_map_update_elem(&seen, &who->tgid, &now, BPF_ANY);
}

static __always_inline void name_socket(struct socket_record *record, struct sock *sk) {
  record->cookie = bpf_get_socket_cookie(sk);
  record->family = sk->__sk_common.skc_family;
  record->state = sk->__sk_common.skc_state;
  // skc_num is 0 once the socket is closed; inet_sport stays
  record->local_port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
  record->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
  record->net = sk->__sk_common.skc_net.net->ns.inum;
  record->pad = 0;
  __builtin_memset(record->local, 0, 32);
  if (record->family == AF_INET6) {
    BPF_CORE_READ_INTO(&record->local, sk, __sk_common.skc_v6_rcv_saddr);
    BPF_CORE_READ_INTO(&record->remote, sk, __sk_common.skc_v6_daddr);
  } else {
    *(__u32 *)record->local = sk->__sk_common.skc_rcv_saddr;
    *(__u32 *)record->remote = sk->__sk_common.skc_daddr;
  }
}

static __always_inline void tell_owner(struct sock *sk, struct owner *owner) {
  struct socket_record *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
  if (!record) {
    count_lost();
    return;
  }
  name_socket(record, sk);
  record->time = bpf_ktime_get_ns();
  record->kind = KIND_OWNER;
  record->role = owner->role;
  record->who = owner->who;
  owner->cookie = record->cookie;
  bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

static __always_inline void tell_close(struct owner *owner) {
  struct close_record *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
  if (!record) {
    count_lost();
    return;
  }
  record->time = bpf_ktime_get_ns();
  record->cookie = owner->cookie;
  record->kind = KIND_CLOSE;
  bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

static __always_inline void tell_turn(struct owner *owner) {
  struct turn_record *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
  if (!record) {
    count_lost();
    return;
  }
  record->time = bpf_ktime_get_ns();
  record->cookie = owner->cookie;
  record->kind = KIND_TURN;
  record->read_at = owner->read_at;
  bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, struct sock *sk, int before, int after) {
  struct owner *owner;
  if (!is_tcp(sk)) return 0;
  if (after == TCP_SYN_SENT) { // in the process that connects
    struct task_struct *task = bpf_get_current_task_btf();
    owner = bpf_sk_storage_get(&owners, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
    if (!owner) {
      count_lost();
      return 0;
    }
    describe(&owner->who, task);
    owner->role = ROLE_CLIENT;
    owner->reading = 0;
    introduce(&owner->who, task);
  } else if (after == TCP_ESTABLISHED && before != 3 /* SYN_RECV: nobody owns it yet */) {
    owner = bpf_sk_storage_get(&owners, sk, 0, 0);
    if (owner) tell_owner(sk, owner);
  } else if (after == TCP_CLOSE && before != TCP_LISTEN) {
    owner = bpf_sk_storage_get(&owners, sk, 0, 0);
    if (owner && owner->cookie) tell_close(owner);
  }
  return 0;
}

// A process read from or wrote to a socket: if it was not the owner, it is now.
static __always_inline void used(struct sock *sk, bool wrote) {
  struct owner *owner = bpf_sk_storage_get(&owners, sk, 0, 0);
  struct task_struct *task = bpf_get_current_task_btf();
  // no cookie: the record of it was lost, or a client sends before the handshake is done (TCP Fast Open)
  if (!owner || !owner->cookie || owner->who.tgid != task->tgid || owner->who.exec_id != task->self_exec_id) {
    if (!owner) owner = bpf_sk_storage_get(&owners, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
    if (!owner) {
      count_lost();
      return;
    }
    describe(&owner->who, task);
    owner->role |= ROLE_USED;
    introduce(&owner->who, task);
    tell_owner(sk, owner);
  }
  if (!emit_turns || (owner->role & ROLE_CLIENT)) return;
  if (!wrote) {
    owner->read_at = bpf_ktime_get_ns();
    owner->reading = 1;
  } else if (owner->reading) {
    owner->reading = 0;
    tell_turn(owner);
  }
}

#ifdef TIER_A
SEC("tp_btf/sock_send_length")
int BPF_PROG(on_send, struct sock *sk, int result, int flags) {
  if (result > 0 && is_tcp(sk)) used(sk, true);
  return 0;
}
SEC("tp_btf/sock_recv_length")
int BPF_PROG(on_receive, struct sock *sk, int result, int flags) {
  if (result > 0 && is_tcp(sk)) used(sk, false);
  return 0;
}
#else
static __always_inline void used_socket(struct socket *socket, int result, bool wrote) {
  struct sock *sk = socket->sk;
  if (result > 0 && sk && is_tcp(sk)) used(sk, wrote);
}
SEC("fexit/inet_sendmsg")
int BPF_PROG(on_send, struct socket *socket, struct msghdr *message, unsigned long size, int result) {
  used_socket(socket, result, true);
  return 0;
}
SEC("fexit/inet6_sendmsg")
int BPF_PROG(on_send6, struct socket *socket, struct msghdr *message, unsigned long size, int result) {
  used_socket(socket, result, true);
  return 0;
}
SEC("fexit/inet_recvmsg")
int BPF_PROG(on_receive, struct socket *socket, struct msghdr *message, unsigned long size, int flags, int result) {
  used_socket(socket, result, false);
  return 0;
}
SEC("fexit/inet6_recvmsg")
int BPF_PROG(on_receive6, struct socket *socket, struct msghdr *message, unsigned long size, int flags, int result) {
  used_socket(socket, result, false);
  return 0;
}
#endif

// Sockets older than us: every TCP socket behind a file descriptor of a process, run once after the programs above are
// attached. Gives socket_records with KIND_SEED.
SEC("iter/task_file")
int old_sockets(struct bpf_iter__task_file *context) {
  struct task_struct *task = context->task;
  struct file *file = context->file;
  if (!task || !file || task->pid != task->tgid) return 0;
  struct socket *socket = bpf_sock_from_file(file);
  if (!socket) return 0;
  struct sock *sk = socket->sk;
  if (!sk || !is_tcp(sk) || sk->__sk_common.skc_state == TCP_LISTEN || sk->__sk_common.skc_state == TCP_CLOSE) return 0;
  struct socket_record record = {};
  name_socket(&record, sk);
  record.time = bpf_ktime_get_ns();
  record.kind = KIND_SEED;
  describe(&record.who, task);
  bpf_seq_write(context->meta->seq, &record, sizeof(record));
  return 0;
}
