/** RFC 3986 with nothing left but its unreserved characters, as signatures demand: `encodeURIComponent` leaves more. */
export function percentEncoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
