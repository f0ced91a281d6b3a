import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelConsumerOptions.ProcessingOrder;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** A GET and a PATCH per event, the events of a group in order and many groups at once, until SIGTERM. */
final class ParallelConsumerPeer {
  private static final Duration STOP_LIMIT = Duration.ofSeconds(10);

  private final ObjectMapper json = new ObjectMapper();
  private final Groups groups = new Groups(new HttpTarget(json), json);

  /** null until it is made. */
  private static volatile ParallelStreamProcessor<String, String> processor;

  public static void main(String[] args) {
    Runtime.getRuntime().addShutdownHook(new Thread(ParallelConsumerPeer::stop));
    processor =
        ParallelStreamProcessor.createEosStreamProcessor(
            ParallelConsumerOptions.<String, String>builder()
                .consumer(openConsumer())
                .ordering(ProcessingOrder.KEY)
                .maxConcurrency(Settings.concurrency())
                .build());
    processor.subscribe(List.of(Settings.required("SOURCE_TOPIC")));
    ParallelConsumerPeer peer = new ParallelConsumerPeer();
    processor.poll(context -> peer.apply(context.getSingleConsumerRecord().value()));
  }

  private static KafkaConsumer<String, String> openConsumer() {
    Map<String, Object> config =
        Map.of(
            ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, Settings.required("KAFKA_BROKERS"),
            ConsumerConfig.GROUP_ID_CONFIG, Settings.required("KAFKA_GROUP_ID"),
            ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest",
            ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    return new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
  }

  /** What is in flight may end within a limit; the JVM alone would exit with 143. */
  private static void stop() {
    Thread closing =
        new Thread(
            () -> {
              if (processor != null) processor.closeDontDrainFirst();
            });
    closing.setDaemon(true);
    closing.start();
    try {
      closing.join(STOP_LIMIT.toMillis());
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
    }
    Runtime.getRuntime().halt(0);
  }

  /** @throws IllegalStateException when it is interrupted: the event counts as failed and is processed again */
  private void apply(String value) {
    JsonNode event = eventOf(value);
    if (event == null) return;
    Map<String, Boolean> wanted = new LinkedHashMap<>();
    for (JsonNode member : event.path("add_members")) wanted.put(member.asText(), true);
    // A member in both lists is removed.
    for (JsonNode member : event.path("remove_members")) wanted.put(member.asText(), false);
    try {
      groups.change(event.path("group_id").asText(), wanted);
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", error);
    }
  }

  /** null: a tombstone, or no change event; the latter is logged. */
  private JsonNode eventOf(String value) {
    if (value == null) return null;
    try {
      JsonNode event = json.readTree(value);
      if (event.path("group_id").isTextual()) return event;
    } catch (JsonProcessingException error) {
      System.err.println("not JSON: " + error.getOriginalMessage());
    }
    System.err.println("a record that is no change event is skipped");
    return null;
  }
}
