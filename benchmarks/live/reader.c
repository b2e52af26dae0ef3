/* The floor: a TPACKET_V3 ring read in C, touching each packet's header. Prints `ready`; on SIGTERM packets and drops.
   Usage: reader INTERFACE */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>

static volatile sig_atomic_t stopped;
static void stop(int signal) { (void)signal, stopped = 1; }

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  int fd = socket(AF_PACKET, SOCK_RAW, 0), version = TPACKET_V3;
  struct tpacket_req3 ring = {1 << 20, 64, 2048, 512 * 64, 20, 0, 0};
  if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) < 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring) < 0) return perror("reader"), 1;
  unsigned char *memory = mmap(0, 64 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(argv[1])};
  if (memory == MAP_FAILED || bind(fd, (struct sockaddr *)&at, sizeof at) < 0) return perror("reader"), 1;
  struct sigaction on_stop = {.sa_handler = stop};
  sigaction(SIGTERM, &on_stop, 0);
  puts("ready"), fflush(stdout);
  struct pollfd wait = {fd, POLLIN, 0};
  long packets = 0, check = 0;
  for (int current = 0; !stopped;) {
    struct tpacket_block_desc *block = (void *)(memory + ((size_t)current << 20));
    if (!(__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) {
      poll(&wait, 1, 100);
      continue;
    }
    struct tpacket3_hdr *packet = (void *)((unsigned char *)block + block->hdr.bh1.offset_to_first_pkt);
    for (uint32_t i = 0; i < block->hdr.bh1.num_pkts; i++) {
      unsigned char *bytes = (unsigned char *)packet + packet->tp_mac;
      check += packet->tp_sec + packet->tp_len + bytes[23] + bytes[36];
      packet = (void *)((unsigned char *)packet + packet->tp_next_offset);
    }
    packets += block->hdr.bh1.num_pkts;
    __atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    current = (current + 1) & 63;
  }
  struct tpacket_stats_v3 statistics;
  socklen_t length = sizeof statistics;
  getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &statistics, &length);
  printf("%ld %u %ld\n", packets, statistics.tp_drops, check & 1);
}
