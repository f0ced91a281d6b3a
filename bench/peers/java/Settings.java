/** What the peer is to do, from the environment alone. */
final class Settings {
  static final int CONCURRENCY_DEFAULT = 20;

  private Settings() {}

  static String required(String name) {
    String value = System.getenv(name);
    if (value == null || value.isEmpty()) throw new IllegalStateException(name + " is not set");
    return value;
  }

  /** Requests in flight at most. */
  static int concurrency() {
    String value = System.getenv("CONCURRENCY");
    return value == null ? CONCURRENCY_DEFAULT : Integer.parseInt(value);
  }
}
