/** A reason not to start, or not to go on, that is no fault of the program. Its message is the one line that is shown. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}
