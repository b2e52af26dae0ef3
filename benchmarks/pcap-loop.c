/* The floor: every packet of a file through libpcap, and nothing done with it. */
#include <pcap.h>
#include <stdio.h>

int main(int count, char **arguments) {
  char error[PCAP_ERRBUF_SIZE];
  pcap_t *capture = count > 1 ? pcap_open_offline(arguments[1], error) : NULL;
  if (capture == NULL) return 1;
  struct pcap_pkthdr *header;
  const unsigned char *octets;
  unsigned long packets = 0, bytes = 0;
  while (pcap_next_ex(capture, &header, &octets) == 1) {
    packets++;
    bytes += header->caplen + octets[0];
  }
  printf("%lu %lu\n", packets, bytes);
  return 0;
}
