import { RegistryError } from '../../core/errors.ts';
import { deriveGeneration, deriveOsType } from '../../core/hardware.ts';
import { type Finding, type Report, sortFindings } from '../../inspect/report.ts';
import type { ImageRow, UploadRow } from '../../schema/tables/images.ts';

/** What the caller declared of the image, against which the disk is held. */
type Declared = Pick<ImageRow, 'minDiskSize' | 'osType' | 'hardwareGeneration'>;

/**
 * What only the service can find: the stored object against the declared size, and the disk against what was
 * declared of it. in: the inspection's own report. out: findings that all refuse.
 */
export function serviceFindings(
  report: Report,
  declared: Declared,
  upload: Pick<UploadRow, 'sizeBytes'>,
): Finding[] {
  const findings: Finding[] = [];
  if (report.fileSize !== String(upload.sizeBytes)) {
    findings.push({
      code: 'SIZE_MISMATCH',
      severity: 'REJECT',
      message: 'The stored object is not as long as the upload declared; upload the file again.',
      field: 'upload.size',
      expected: String(upload.sizeBytes),
      found: report.fileSize,
    });
  }
  if (
    declared.minDiskSize !== null &&
    report.virtualSize !== undefined &&
    BigInt(declared.minDiskSize) < BigInt(report.virtualSize)
  ) {
    findings.push({
      code: 'MIN_DISK_TOO_SMALL',
      severity: 'REJECT',
      message: `Minimal disk size should be greater or equal than ${report.virtualSize}; declare that, or leave minDiskSize out.`,
      field: 'min_disk_size',
      expected: report.virtualSize,
      found: String(declared.minDiskSize),
    });
  }
  const os = deriveOsType({ osFamily: report.osFamily, declared: declared.osType ?? undefined });
  if ('mismatch' in os) findings.push(os.mismatch);
  const generation = deriveGeneration({
    bootModes: report.bootModes,
    architecture: report.architecture,
    declared: declared.hardwareGeneration ?? undefined,
  });
  if ('mismatch' in generation) findings.push(generation.mismatch);
  return findings;
}

/** The declared SHA-256 is not that of the stored bytes. */
export function digestMismatch(declared: string, found: string): Finding {
  return {
    code: 'DIGEST_MISMATCH',
    severity: 'REJECT',
    message:
      'The stored bytes are not the ones that were declared; upload the file again, or correct the digest.',
    field: 'upload.sha256',
    expected: declared,
    found,
  };
}

/** A report with more findings; a refusal among them refuses the whole. */
export function withFindings(report: Report, more: readonly Finding[]): Report {
  const findings = sortFindings([...report.findings, ...more]);
  const refused = findings.some(({ severity }) => severity === 'REJECT');
  return { ...report, verdict: refused ? 'reject' : 'accept', findings };
}

/** The error that ends a refused creation: the first refusal in words, the whole report among the details. */
export function refusal(report: Report): RegistryError {
  const refusals = report.findings.filter(({ severity }) => severity === 'REJECT');
  const [first] = refusals;
  const more = refusals.length > 1 ? ` (and ${refusals.length - 1} more)` : '';
  return new RegistryError(
    'INVALID_ARGUMENT',
    `The disk image was refused: ${first?.code}: ${first?.message}${more}`,
    [{ kind: 'inspection', report: { ...withoutCost(report) } }],
  );
}

/** The report as it is kept and shown: what it cost is for logs. */
export function withoutCost({ cost: _, ...report }: Report): Record<string, unknown> {
  return { ...report };
}
