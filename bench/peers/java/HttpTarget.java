import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Base64;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Requests to the target, repeated until one is answered: 429 delays all requests for its Retry-After, 401 renews the token, 5xx
 * and lost connections are retried. So a PATCH may arrive twice: its If-Match lets only one of them change the group.
 */
final class HttpTarget {
  private static final Duration REQUEST_LIMIT = Duration.ofSeconds(10);
  private static final long BACKOFF_BASE_MS = 100;
  private static final long BACKOFF_CAP_MS = 10_000;
  /** Of a 429 without Retry-After. */
  private static final Duration RATE_LIMIT_PAUSE = Duration.ofSeconds(5);
  /** Before it expires. */
  private static final Duration TOKEN_MARGIN = Duration.ofSeconds(30);

  private record Token(String value, Instant expiresAt) {}

  private interface Attempt {
    HttpResponse<String> send() throws IOException, InterruptedException;
  }

  // HTTP/2, the default, would ask a plain server for an upgrade.
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(REQUEST_LIMIT).build();
  private final ObjectMapper json;
  private final String apiUrl = Settings.required("GENESYS_API_URL");
  private final String loginUrl = Settings.required("GENESYS_LOGIN_URL");
  private final String credentials =
      Settings.required("GENESYS_CLIENT_ID") + ":" + Settings.required("GENESYS_CLIENT_SECRET");
  /** No request starts before, since the target said 429. */
  private final AtomicReference<Instant> pausedUntil = new AtomicReference<>(Instant.EPOCH);

  private Token token;

  HttpTarget(ObjectMapper json) {
    this.json = json;
  }

  HttpResponse<String> get(String path) throws InterruptedException {
    return authorized(HttpRequest.newBuilder(URI.create(apiUrl + path)));
  }

  HttpResponse<String> patch(String path, String etag, String body) throws InterruptedException {
    return authorized(
        HttpRequest.newBuilder(URI.create(apiUrl + path))
            .header("content-type", "application/scim+json")
            .header("if-match", etag)
            .method("PATCH", BodyPublishers.ofString(body)));
  }

  private HttpResponse<String> authorized(HttpRequest.Builder request) throws InterruptedException {
    request.timeout(REQUEST_LIMIT);
    for (int refusals = 0; ; refusals += 1) {
      Token used = currentToken();
      request.setHeader("authorization", "Bearer " + used.value());
      HttpResponse<String> answer = retried(() -> http.send(request.build(), BodyHandlers.ofString()));
      if (answer.statusCode() != 401) return answer;
      discard(used);
      Thread.sleep(backoffMs(refusals));
    }
  }

  /** One renewal at a time. */
  private synchronized Token currentToken() throws InterruptedException {
    if (token == null || !Instant.now().isBefore(token.expiresAt())) token = fetchToken();
    return token;
  }

  private synchronized void discard(Token refused) {
    if (token == refused) token = null;
  }

  private Token fetchToken() throws InterruptedException {
    String basic = Base64.getEncoder().encodeToString(credentials.getBytes(StandardCharsets.UTF_8));
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(loginUrl + "/oauth/token"))
            .timeout(REQUEST_LIMIT)
            .header("authorization", "Basic " + basic)
            .header("content-type", "application/x-www-form-urlencoded")
            .POST(BodyPublishers.ofString("grant_type=client_credentials"))
            .build();
    HttpResponse<String> answer = retried(() -> http.send(request, BodyHandlers.ofString()));
    if (answer.statusCode() != 200) {
      throw new IllegalStateException("the login host answers " + answer.statusCode() + ": " + answer.body());
    }
    try {
      JsonNode issued = json.readTree(answer.body());
      Duration lifetime = Duration.ofSeconds(issued.get("expires_in").asLong());
      return new Token(issued.get("access_token").asText(), Instant.now().plus(lifetime).minus(TOKEN_MARGIN));
    } catch (IOException error) {
      throw new IllegalStateException("the login host answers no JSON", error);
    }
  }

  private HttpResponse<String> retried(Attempt attempt) throws InterruptedException {
    int failures = 0;
    while (true) {
      awaitRateLimit();
      HttpResponse<String> answer = sendOnce(attempt);
      if (answer != null && answer.statusCode() != 429 && answer.statusCode() < 500) return answer;
      Optional<Duration> asked = answer == null ? Optional.empty() : retryAfter(answer);
      if (answer != null && answer.statusCode() == 429) {
        Instant resumeAt = Instant.now().plus(asked.orElse(RATE_LIMIT_PAUSE));
        pausedUntil.accumulateAndGet(resumeAt, (left, right) -> left.isAfter(right) ? left : right);
      } else {
        Thread.sleep(asked.map(Duration::toMillis).orElse(backoffMs(failures)));
        failures += 1;
      }
    }
  }

  /** null: the connection was lost, or took too long. */
  private static HttpResponse<String> sendOnce(Attempt attempt) throws InterruptedException {
    try {
      return attempt.send();
    } catch (IOException error) {
      System.err.println("lost connection: " + error);
      return null;
    }
  }

  private void awaitRateLimit() throws InterruptedException {
    while (true) {
      long waitMs = Duration.between(Instant.now(), pausedUntil.get()).toMillis();
      if (waitMs <= 0) return;
      Thread.sleep(waitMs);
    }
  }

  /** Full jitter. */
  private static long backoffMs(int failures) {
    long most = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS << Math.min(failures, 10));
    return ThreadLocalRandom.current().nextLong(most + 1);
  }

  /** Seconds, or an HTTP date (RFC 9110 section 10.2.3). */
  private static Optional<Duration> retryAfter(HttpResponse<String> answer) {
    return answer.headers().firstValue("retry-after").flatMap(HttpTarget::parseRetryAfter);
  }

  private static Optional<Duration> parseRetryAfter(String header) {
    try {
      if (header.chars().allMatch(Character::isDigit)) return Optional.of(Duration.ofSeconds(Long.parseLong(header)));
      Instant at = ZonedDateTime.parse(header, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
      Duration wait = Duration.between(Instant.now(), at);
      return Optional.of(wait.isNegative() ? Duration.ZERO : wait);
    } catch (DateTimeParseException | NumberFormatException error) {
      return Optional.empty();
    }
  }
}
