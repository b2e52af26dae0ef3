// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// The few kernel types that owner.bpf.c looks into, with only the fields it reads. preserve_access_index makes the kernel
// find each field by name in its own BTF when the program is loaded (CO-RE), so that one blob fits every kernel.
#ifndef EARSHOT_KERNEL_H
#define EARSHOT_KERNEL_H

#include <linux/types.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
  unsigned int inum;
};
struct net {
  struct ns_common ns;
};
struct mnt_namespace {
  struct ns_common ns;
};
struct pid_namespace {
  struct ns_common ns;
};
struct upid {
  int nr;
  struct pid_namespace *ns;
};
struct pid {
  unsigned int level;
  struct upid numbers[1];
};
struct nsproxy {
  struct mnt_namespace *mnt_ns;
  struct net *net_ns;
};

typedef struct {
  unsigned int val;
} kuid_t;
typedef struct {
  unsigned int val;
} kgid_t;
struct cred {
  kuid_t euid;
  kgid_t egid;
};
struct kernfs_node {
  __u64 id;
};
struct cgroup {
  struct kernfs_node *kn;
};
struct css_set {
  struct cgroup *dfl_cgrp;
};
struct qstr {
  const unsigned char *name;
};
struct dentry {
  struct dentry *d_parent;
  struct qstr d_name;
};
struct vfsmount {
  struct dentry *mnt_root;
};
struct mount {
  struct mount *mnt_parent;
  struct dentry *mnt_mountpoint;
  struct vfsmount mnt;
};
struct path {
  struct vfsmount *mnt;
  struct dentry *dentry;
};
struct file {
  struct path f_path;
};
struct mm_struct {
  unsigned long arg_start, arg_end;
  struct file *exe_file;
};
struct task_struct {
  int pid, tgid;
  struct task_struct *real_parent, *group_leader;
  __u64 start_boottime, self_exec_id;
  const struct cred *cred;
  char comm[16];
  struct nsproxy *nsproxy;
  struct pid *thread_pid;
  struct mm_struct *mm;
  struct css_set *cgroups;
};

struct in6_addr {
  union {
    __u8 u6_addr8[16];
  } in6_u;
};
typedef struct {
  struct net *net;
} possible_net_t;
struct sock_common {
  __be32 skc_daddr, skc_rcv_saddr;
  __be16 skc_dport;
  unsigned short skc_family;
  volatile unsigned char skc_state;
  possible_net_t skc_net;
  struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};
struct sock {
  struct sock_common __sk_common;
  __u16 sk_protocol;
};
struct inet_sock {
  __be16 inet_sport;
};
struct socket {
  struct sock *sk;
};
struct msghdr;

struct seq_file;
struct bpf_iter_meta {
  struct seq_file *seq;
};
struct bpf_iter__task_file {
  struct bpf_iter_meta *meta;
  struct task_struct *task;
  __u32 fd;
  struct file *file;
};

#pragma clang attribute pop

#endif
