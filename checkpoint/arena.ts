export class Arena {
  readonly items: Buffer[] = [Buffer.alloc(0)]
}
