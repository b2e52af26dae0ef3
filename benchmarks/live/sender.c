/* Sends COUNT copies of one TCP frame of SIZE octets on an interface, as fast as it can; each copy has another source
   port and sequence number. Prints packets and seconds. Usage: sender INTERFACE COUNT SIZE */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#define BATCH 256
#define MAX_SIZE 1514

static unsigned char frames[BATCH][MAX_SIZE];

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  long count = atol(argv[2]);
  int size = atoi(argv[3]);
  if (size < 54 || size > MAX_SIZE || count < 1 || count > 20000000) return 2;
  int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1;
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(argv[1])};
  if (fd < 0 || to.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&to, sizeof to) < 0) return perror("sender"), 1;
  setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
  struct mmsghdr messages[BATCH];
  struct iovec parts[BATCH];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < BATCH; i++) {
    unsigned char *f = frames[i], head[] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0};
    memcpy(f, head, sizeof head);
    *(uint16_t *)(f + 16) = htons(size - 14);
    f[22] = 64, f[23] = 6;
    *(uint32_t *)(f + 26) = htonl(0x0a000001), *(uint32_t *)(f + 30) = htonl(0x0a000002);
    *(uint16_t *)(f + 34) = htons(30000 + i), *(uint16_t *)(f + 36) = htons(80);
    f[46] = 0x50, f[47] = 0x18;
    parts[i] = (struct iovec){f, size};
    messages[i].msg_hdr.msg_iov = &parts[i], messages[i].msg_hdr.msg_iovlen = 1;
  }
  struct timespec a, b;
  clock_gettime(CLOCK_MONOTONIC, &a);
  long sent = 0;
  while (sent < count) {
    int n = sendmmsg(fd, messages, count - sent < BATCH ? count - sent : BATCH, 0);
    if (n < 0) return perror("sendmmsg"), 1;
    sent += n;
  }
  clock_gettime(CLOCK_MONOTONIC, &b);
  printf("%ld %f\n", sent, (b.tv_sec - a.tv_sec) + (b.tv_nsec - a.tv_nsec) / 1e9);
}
